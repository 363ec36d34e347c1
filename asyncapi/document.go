package asyncapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chanx-go/chanx"
)

// wire is the version of the wire protocol and of the extensions x-chanx.
const wire = 1

// Document writes what spec describes as an AsyncAPI document in JSON. opts may be nil. It may be called concurrently.
//
// The error is about an option that AsyncAPI does not allow, or about a type that JSON Schema cannot describe: it names
// the message, the path to the place, and what to change.
func Document(spec chanx.Spec, opts *Options) ([]byte, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &document{writer: newWriter(), spec: spec, opts: o}
	if d.schemas, err = parseSchemas(spec.Schemas); err != nil {
		return nil, fmt.Errorf("asyncapi: write document: %w", err)
	}
	d.channels = newEndpoints(spec.Channels)
	if err := d.findSchemas(); err != nil {
		return nil, fmt.Errorf("asyncapi: write document: %w", err)
	}
	d.root()
	if d.err != nil {
		return nil, fmt.Errorf("asyncapi: write document: %w", d.err)
	}
	return d.buf.Bytes(), nil
}

// document is a document that is being written.
type document struct {
	*writer
	spec     chanx.Spec
	opts     Options
	channels []*endpoint
	schemas  schemas
	library  components // the library's messages
	security components
}

func (d *document) root() {
	d.object("", func() {
		d.text("asyncapi", d.opts.AsyncAPI)
		d.note("id", d.opts.ID)
		d.object("info", d.info)
		d.text("defaultContentType", "application/json")
		d.value("x-chanx", struct {
			Wire          int                 `json:"wire"`
			Discriminator string              `json:"discriminator"`
			Camelize      bool                `json:"camelize"`
			Subprotocols  []string            `json:"subprotocols"`
			Reasons       []chanx.FailureSpec `json:"reasons,omitempty"`
		}{wire, d.spec.Discriminator, d.spec.Camelize, append([]string{}, d.spec.Subprotocols...), d.spec.Reasons})
		if len(d.opts.Servers) > 0 {
			d.object("servers", func() {
				for _, s := range d.opts.Servers {
					d.value(s.Name, s)
				}
			})
		}
		d.object("channels", func() {
			for _, c := range d.channels {
				d.object(c.key, func() { d.channel(c) })
			}
		})
		d.object("operations", func() {
			for _, c := range d.channels {
				d.operations(c)
			}
		})
		d.object("components", d.components)
	})
}

func (d *document) info() {
	o := &d.opts
	d.text("title", o.Title)
	d.text("version", o.Version)
	d.note("description", o.Description)
	d.note("termsOfService", o.TermsOfService)
	if o.Contact != nil {
		d.value("contact", o.Contact)
	}
	if o.License != nil {
		d.value("license", o.License)
	}
	if len(o.Tags) > 0 {
		d.value("tags", o.Tags)
	}
	if o.ExternalDocs != nil {
		d.value("externalDocs", o.ExternalDocs)
	}
}

func (d *document) components() {
	d.object("schemas", func() {
		for _, s := range d.schemas.used() {
			d.object(s.name, func() {
				d.text("title", s.name) // generators name their types by it
				d.members(s.raw)
			})
		}
	})
	d.library.write(d.writer, "messages")
	d.security.write(d.writer, "securitySchemes")
	d.object("correlationIds", func() {
		d.correlation("ref", "A client's id for its message. The answer repeats it.")
		if slices.ContainsFunc(d.channels, func(c *endpoint) bool { return len(c.Asks) > 0 }) {
			d.correlation("ask", "The server's id for its question. The answer repeats it.")
		}
	})
}

func (d *document) correlation(name, description string) {
	d.object(name, func() {
		d.text("description", description)
		d.text("location", "$message.payload#/"+name)
	})
}

// components are the values of one kind that several places refer to. Equal values have one key.
type components struct {
	keys  keys
	byKey map[string]string // the JSON of a value
	order []string
}

// add returns the key of a value. name is the key that it should have.
func (c *components) add(name, value string) string {
	for _, key := range c.order {
		if c.byKey[key] == value {
			return key
		}
	}
	if c.keys == nil {
		c.keys, c.byKey = keys{}, map[string]string{}
	}
	key := c.keys.take(name)
	c.byKey[key] = value
	c.order = append(c.order, key)
	return key
}

func (c *components) write(w *writer, name string) {
	if len(c.order) == 0 {
		return
	}
	w.object(name, func() {
		for _, key := range c.order {
			w.raw(key, []byte(c.byKey[key]))
		}
	})
}

// summary returns the first sentence of a description, without its period, and the whole description if it is longer.
func summary(description string) (first, whole string) {
	first = strings.TrimSpace(description)
	if end := strings.Index(first, "\n\n"); end >= 0 {
		first = first[:end]
	}
	if end := strings.Index(first+" ", ". "); end >= 0 {
		first = first[:end+1]
	}
	first = strings.Join(strings.Fields(first), " ")
	if first == strings.Join(strings.Fields(description), " ") {
		return first, ""
	}
	return first, description
}
