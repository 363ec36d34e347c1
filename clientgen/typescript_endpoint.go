package clientgen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// endpointTS is an endpoint with its names in TypeScript.
type endpointTS struct {
	*Endpoint

	name, constant string
}

func newEndpointTS(taken scope, e *Endpoint) *endpointTS {
	name := taken.take(endpointIdentifier(e.Name), func(name string) []string {
		return []string{name, name + "Params", name + "Frame", name + "Contract", name + "Options", "connect" + name, constantTS(name)}
	})
	return &endpointTS{e, name, constantTS(name)}
}

// constantTS names the constant of an endpoint. The word at the end keeps it from being a reserved word.
func constantTS(name string) string { return uncapital(name) + "Channel" }

func (w *writerTS) endpoint(e *endpointTS) {
	w.WriteString("\n// " + e.name + ": " + plainLine(e.Host+e.path()) + "\n\n")
	w.params(e)
	var frames []string
	for _, m := range e.Events {
		frames = append(frames, "\n  | "+w.frame(m, false))
	}
	if frames == nil {
		frames = []string{" never"}
	}
	w.WriteString("/** What comes unasked, told apart by its " + commentWordTS(w.Discriminator) + ". */\n")
	w.WriteString("export type " + e.name + "Frame =" + strings.Join(frames, "") + ";\n\n")
	w.contract(e)
	w.WriteString(commentTS{e.Doc, false}.text(""))
	w.WriteString("export interface " + e.name + " extends chanx.Client<" + e.name + "Contract> {}\n")
	w.connect(e)
}

func commentWordTS(name string) string {
	return strings.TrimSpace(strings.Join(commentTS{name, false}.lines(), " "))
}

func (e *Endpoint) path() string {
	path := e.Address
	for _, p := range e.Parameters {
		if p.Rest {
			path = strings.TrimSuffix(path, "}") + "...}"
		}
	}
	return path
}

func (w *writerTS) params(e *endpointTS) {
	if len(e.Parameters) == 0 {
		return
	}
	s := &Schema{Shape: Object}
	for _, p := range e.Parameters {
		s.Properties = append(s.Properties, p.Property)
	}
	w.WriteString("/** What a client gives to connect. */\nexport interface " + e.name + "Params " + w.body(s, sent) + "\n\n")
}

func (w *writerTS) contract(e *endpointTS) {
	w.WriteString("export interface " + e.name + "Contract {\n")
	fmt.Fprintf(w, "  key: %s;\n  frames: %sFrame;\n", quoteTS(w.Discriminator), e.name)
	w.block("calls", len(e.Calls), func(i int) {
		c := e.Calls[i]
		w.WriteString(commentTS{c.Doc, c.Deprecated}.text("    "))
		fmt.Fprintf(w, "    %s: %s;\n", memberTS(c.Action), w.call(c))
	})
	w.block("asks", len(e.Asks), func(i int) {
		a := e.Asks[i]
		w.WriteString(commentTS{a.Question.Doc, a.Question.Deprecated}.text("    "))
		fmt.Fprintf(w, "    %s: chanx.Ask<%s, %s>;\n", memberTS(a.Question.Action), w.payload(a.Question, received), w.payload(a.Answer, sent))
	})
	card := "never"
	if e.Presence != nil {
		card = w.schema(e.Presence, received)
	}
	w.WriteString("  card: " + card + ";\n}\n\n")
}

// block writes a member that is an object of n members.
func (w *writerTS) block(name string, n int, member func(i int)) {
	if n == 0 {
		w.WriteString("  " + name + ": {};\n")
		return
	}
	w.WriteString("  " + name + ": {\n")
	for i := range n {
		member(i)
	}
	w.WriteString("  };\n")
}

// call writes the type of a call, without the arguments at its end that are the defaults.
func (w *writerTS) call(c *Call) string {
	args := []string{w.payload(c.Message, sent)}
	defaults := []string{"undefined"}
	if c.Kind != Send {
		answer := w.payload(c.Answer, received)
		if len(c.Answer.Beside) > 0 {
			answer = w.frame(c.Answer, true)
		}
		args, defaults = append(args, answer), []string{"", ""}
	}
	var fails []string
	for _, f := range c.Fails {
		fails = append(fails, quoteTS(f.Reason))
	}
	args = append(args, strings.Join(fails, " | "), w.beside(c.Message))
	defaults = append(defaults, "never", "never")
	for i, arg := range args {
		if arg == "" {
			args[i] = "never"
		}
	}
	for len(args) > 0 && args[len(args)-1] == defaults[len(args)-1] {
		args = args[:len(args)-1]
	}
	name := map[Kind]string{Send: "chanx.Send", Request: "chanx.Request", Stream: "chanx.Stream"}[c.Kind]
	if len(args) == 0 {
		return name
	}
	return name + "<" + strings.Join(args, ", ") + ">"
}

// beside writes the members that a client gives beside a payload.
func (w *writerTS) beside(m *Message) string {
	if len(m.Beside) == 0 {
		return ""
	}
	return w.members(&Schema{Properties: m.Beside}, sent)
}

func (w *writerTS) connect(e *endpointTS) {
	options := "options?: chanx.Options"
	token := e.tokenTS(w.Subprotocols)
	if token != "" {
		options = "options?: " + e.name + "Options"
		optional := "?"
		if e.TokenRequired {
			options, optional = "options: "+e.name+"Options", ""
		}
		fmt.Fprintf(w, "export interface %sOptions extends chanx.Options { token%s: chanx.Token }\n", e.name, optional)
	}
	fmt.Fprintf(w, "\nconst %s: chanx.Channel = {\n", e.constant)
	for _, m := range e.membersTS(w.Contract, token) {
		w.WriteString("  " + m + ",\n")
	}
	params, given := "", "{}"
	if len(e.Parameters) > 0 {
		params, given = "params: "+e.name+"Params, ", "params"
	}
	fmt.Fprintf(w, "};\nexport const connect%s = (base: string | URL, %s%s): %s =>\n  chanx.connect(%s, base, %s, options);\n",
		e.name, params, options, e.name, e.constant, given)
}

// membersTS writes what the runtime has to know, member by member.
func (e *endpointTS) membersTS(c *Contract, token string) []string {
	all := []string{"path: " + quoteTS(e.path())}
	add := func(name, value string) {
		if value != "" {
			all = append(all, name+": "+value)
		}
	}
	var query, events, framed, asks []string
	for _, p := range e.Parameters {
		if p.Query {
			query = append(query, p.Name)
		}
	}
	for _, m := range e.Events {
		events = append(events, m.Action)
	}
	for _, call := range e.Calls {
		if a := call.Answer; a != nil && len(a.Beside) > 0 && !slices.Contains(framed, a.Action) {
			framed = append(framed, a.Action)
		}
	}
	for _, a := range e.Asks {
		name := memberTS(a.Question.Action)
		if name == "__proto__" {
			name = "['__proto__']" // without brackets it would set the prototype
		}
		asks = append(asks, name+": "+quoteTS(a.Answer.Action))
	}
	add("query", listTS(query))
	if c.Discriminator != "action" {
		add("key", quoteTS(c.Discriminator))
	}
	add("camel", trueTS(c.Camelize))
	add("token", token)
	add("told", trueTS(e.Welcome))
	add("closes", e.closesTS())
	add("events", listTS(events))
	add("framed", listTS(framed))
	add("asks", objectTS(asks))
	return all
}

func trueTS(is bool) string {
	if is {
		return "true"
	}
	return ""
}

func listTS(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	var all []string
	for _, t := range texts {
		all = append(all, quoteTS(t))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func objectTS(members []string) string {
	if len(members) == 0 {
		return ""
	}
	return "{ " + strings.Join(members, ", ") + " }"
}

// tokenTS says where a token goes. Browsers can set no header, and cookies go by themselves. A subprotocol is preferred,
// because proxies log queries.
func (e *Endpoint) tokenTS(subprotocols []string) string {
	i := slices.IndexFunc(e.Tokens, func(t Token) bool { return t.In == "subprotocol" })
	if i >= 0 {
		text := "{ subprotocol: " + quoteTS(e.Tokens[i].Prefix)
		if len(subprotocols) > 0 {
			text += ", beside: " + quoteTS(subprotocols[0])
		}
		return text + " }"
	}
	if i = slices.IndexFunc(e.Tokens, func(t Token) bool { return t.In == "query" }); i < 0 {
		return ""
	}
	text := "{ query: " + quoteTS(e.Tokens[i].Name)
	if prefix := e.Tokens[i].Prefix; prefix != "" {
		text += ", prefix: " + quoteTS(prefix)
	}
	return text + " }"
}

// closesTS lists the codes that mean something else than in the table of the runtime.
func (e *Endpoint) closesTS() string {
	said := map[int]string{}
	var codes []int
	for _, c := range e.Closes {
		text := quoteTS(c.Then)
		if c.Then == "retry" && c.After > 0 {
			text = strconv.Itoa(c.After)
		}
		for code := c.Code; code <= c.To; code++ {
			if said[code] == "" && text != usualTS(code) {
				codes = append(codes, code)
			}
			if said[code] == "" {
				said[code] = text
			}
		}
	}
	var all []string
	for _, code := range codes {
		all = append(all, strconv.Itoa(code)+": "+said[code])
	}
	return objectTS(all)
}

// usualTS is what a client does without a table.
func usualTS(code int) string {
	switch {
	case code == 4401:
		return "'fresh'"
	case code == 4429:
		return "5"
	case slices.Contains([]int{1001, 1005, 1006, 1011, 1012, 1013, 4408, 4425}, code), code >= 4500 && code <= 4599:
		return "'retry'"
	}
	return "'stop'"
}
