package schema

// ConvertNames appends a payload to b and renames its members from the naming from to that of the codec. It changes nothing
// else, validates nothing and calls no method of a type, because the text may come from a program with a newer or older
// version of the type. A member that the type does not have is renamed by the naming's rule; members inside it are not.
// The error is a *SyntaxError: the text is not JSON, or two of its members get the same name.
func (c *Codec) ConvertNames(b, data []byte, from Naming) ([]byte, error) {
	return c.convertNames(b, data, from, func(r *renamer, b []byte) ([]byte, error) { return r.value(b, c.typ) })
}

// ConvertFrameNames is like ConvertNames, for the output of AppendFrame.
func (c *Codec) ConvertFrameNames(b, data []byte, from Naming) ([]byte, error) {
	return c.convertNames(b, data, from, func(r *renamer, b []byte) ([]byte, error) {
		if r.d.peek() != '{' {
			return b, r.d.unexpected("an object")
		}
		return r.object(b, &c.typ.frame, "", "")
	})
}

func (c *Codec) convertNames(b, data []byte, from Naming, write func(*renamer, []byte) ([]byte, error)) ([]byte, error) {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.Reset(data, Limits{MaxDepth: -1})
	if d.broken {
		return b, d.invalidUTF8()
	}
	b, err := write(&renamer{d, from, c.naming}, b)
	if err != nil {
		return b, err
	}
	return b, d.End()
}

// renamer walks through a text and its type in parallel.
type renamer struct {
	d        *Decoder
	from, to Naming
}

func (r *renamer) value(b []byte, t *Type) ([]byte, error) {
	switch at := r.d.peek(); {
	case t.kind == kindPointer && at != 'n':
		return r.value(b, t.elem.Type)
	case t.kind == kindStruct && at == '{':
		return r.object(b, &t.table, "", "")
	case t.kind == kindUnion && at == '{':
		return r.variant(b, t.union)
	case t.kind == kindMap && at == '{':
		return r.dictionary(b, t.elem.Type)
	case (t.kind == kindSlice || t.kind == kindArray) && at == '[':
		return r.list(b, ']', func(b []byte) ([]byte, error) { return r.value(b, t.elem.Type) })
	}
	return r.copy(b)
}

// copy copies a value unchanged.
func (r *renamer) copy(b []byte) ([]byte, error) {
	raw, err := r.d.Raw()
	return append(b, raw...), err
}

// list copies the brackets and commas of an array or object and calls element for each element.
func (r *renamer) list(b []byte, end byte, element func([]byte) ([]byte, error)) ([]byte, error) {
	b = append(b, r.d.data[r.d.pos])
	if err := r.d.enter(); err != nil {
		return b, err
	}
	for first := true; ; first = false {
		more, err := r.d.more(end, first)
		if err != nil {
			return b, err
		}
		if !more {
			return append(b, end), nil
		}
		if !first {
			b = append(b, ',')
		}
		if b, err = element(b); err != nil {
			return b, err
		}
	}
}

// name writes the renamed name of a member and refuses duplicates.
func (r *renamer) name(b []byte, written *nameSet, rename func(name string) string) ([]byte, error) {
	at := r.d.pos
	name, err := r.d.name()
	if err != nil {
		return b, err
	}
	name = []byte(rename(string(name)))
	if written.add(name) {
		return b, duplicate(name, at)
	}
	return append(appendText(b, string(name)), ':'), nil
}

func (r *renamer) dictionary(b []byte, elem *Type) ([]byte, error) {
	var written nameSet
	return r.list(b, '}', func(b []byte) ([]byte, error) {
		b, err := r.name(b, &written, func(key string) string { return key })
		if err != nil {
			return b, err
		}
		return r.value(b, elem)
	})
}

// object copies the members of a struct. A member called tag is the discriminator of a union and is renamed to newTag;
// "" if there is none.
func (r *renamer) object(b []byte, t *table, tag, newTag string) ([]byte, error) {
	var written nameSet
	return r.list(b, '}', func(b []byte) ([]byte, error) {
		var of *Type
		b, err := r.name(b, &written, func(name string) string {
			i, known := t.byName[r.from][name]
			switch {
			case tag != "" && name == tag:
				return newTag
			case known:
				of = t.fields[i].Type
				return t.fields[i].names[r.to]
			case r.from == AsDeclared:
				return r.to.of(name)
			}
			return name
		})
		if err != nil {
			return b, err
		}
		if of == nil {
			return r.copy(b)
		}
		return r.value(b, of)
	})
}

func (r *renamer) variant(b []byte, u *union) ([]byte, error) {
	name := u.member(r.from)
	tag, _, err := r.d.tag(name)
	if err != nil {
		return b, err
	}
	known := &table{}
	if chosen := u.byTag[tag.text]; chosen != nil && tag.isText {
		known = &chosen.object().table
	}
	return r.object(b, known, name, u.member(r.to))
}
