//go:build abuse && unix

package abuse_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

type (
	coin  string   // an enum as large as the list of currencies
	code  int      // likewise
	roomy struct { // takes much memory
		Name string     `json:"name"`
		Fill [1024]byte `json:"-"`
	}
	strict struct {
		N int      `json:"n"`
		_ struct{} `additionalProperties:"false"`
	}
	wordy struct { // has a long error text for each value that it refuses
		N int `json:"n"`
	}
	own    struct{ N int } // has its own UnmarshalJSON
	figure interface{ figure() }
	disc   struct {
		Radius int `json:"radius" minimum:"1"`
	}
	block struct {
		Side int `json:"side" minimum:"1"`
	}
)

func (disc) figure()  {}
func (block) figure() {}

func (coin) Enum() (all []coin) {
	for i := range 249 {
		all = append(all, coin(fmt.Sprintf("C%d", 100+i)))
	}
	return all
}

func (code) Enum() (all []code) {
	for i := range 249 {
		all = append(all, code(100+i))
	}
	return all
}

func (w wordy) Validate() error {
	if w.N == 0 {
		return nil
	}
	return errors.New(strings.Repeat("no ", 1000))
}

func (o *own) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &o.N) }
func (o own) MarshalJSON() ([]byte, error)  { return json.Marshal(o.N) }

// kindsMessage has a field of each kind. Its answer is a text of that many bytes.
type kindsMessage struct {
	Bytes    int                `json:"bytes,omitempty"`
	Coins    []coin             `json:"coins,omitempty"`
	Codes    []code             `json:"codes,omitempty"`
	CoinKeys map[coin]int       `json:"coin_keys,omitempty"`
	CoinOf   map[string]coin    `json:"coin_of,omitempty"`
	IntKeys  map[int]int        `json:"int_keys,omitempty"`
	AddrKeys map[netip.Addr]int `json:"addr_keys,omitempty"`
	Words    []string           `json:"words,omitempty" pattern:"^(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|sigma|tau|upsilon|phi|chi|psi|omega)$"`
	Long     []string           `json:"long,omitempty" minLength:"3"`
	Ints     []int              `json:"ints,omitempty" minimum:"3"`
	Small    []int8             `json:"small,omitempty"`
	Floats   []float64          `json:"floats,omitempty" multipleOf:"0.5"`
	Bools    []bool             `json:"bools,omitempty"`
	Any      []any              `json:"any,omitempty"`
	Roomy    []roomy            `json:"roomy,omitempty"`
	Lists    [][]int            `json:"lists,omitempty" minItems:"1"`
	Times    []time.Time        `json:"times,omitempty"`
	Spans    []time.Duration    `json:"spans,omitempty"`
	Blobs    [][]byte           `json:"blobs,omitempty"`
	Addrs    []netip.Addr       `json:"addrs,omitempty"`
	Own      []own              `json:"own,omitempty"`
	Wordy    []wordy            `json:"wordy,omitempty"`
	Figures  []figure           `json:"figures,omitempty"`
	Unique   []int              `json:"unique,omitempty" uniqueItems:"true"`
	Strict   []strict           `json:"strict,omitempty"`
	Mails    []string           `json:"mails,omitempty" format:"email"`
	Links    []string           `json:"links,omitempty" format:"uri"`
	Dates    []string           `json:"dates,omitempty" format:"date-time"`
	Hosts    []string           `json:"hosts,omitempty" format:"hostname"`
}

func (kindsMessage) Action() string { return "kinds" }

// refusedFrame describes a list or an object with members that are refused, and one with members that are accepted.
type refusedFrame struct{ field, refused, accepted string }

// refusedFrames try to cost more to refuse than to accept. In a member %d is its number.
var refusedFrames = []refusedFrame{
	{"coins", `""`, `"C100"`},
	{"coins", `"C100","x"`, `"C100"`},
	{"codes", `0`, `100`},
	{"codes", `""`, `100`},
	{"coin_of", `"%d":""`, `"%d":"C100"`},
	{"int_keys", `"x%d":1`, `"%d":1`},
	{"addr_keys", `"x%d":1`, `"::%x":1`},
	{"words", `""`, `"mu"`},
	{"long", `""`, `"abc"`},
	{"ints", `0`, `5`},
	{"ints", `null`, `5`},
	{"ints", `0.5`, `5`},
	{"small", `999`, `99`},
	{"floats", `0.3`, `0.5`},
	{"floats", `1e999`, `0.5`},
	{"bools", `0`, `true`},
	{"any", `1e999`, `1e99`},
	{"roomy", `0`, `{"name":""}`},
	{"roomy", `{}`, `{"name":""}`},
	{"lists", `0`, `[1]`},
	{"lists", `[""]`, `[1]`},
	{"times", `""`, `"2025-05-11T14:30:00Z"`},
	{"spans", `""`, `"PT1S"`},
	{"blobs", `"!"`, `"AAAA"`},
	{"addrs", `""`, `"::1"`},
	{"own", `""`, `1`},
	{"wordy", `{"n":1}`, `{"n":0}`},
	{"figures", `{"kind":""}`, `{"kind":"disc","radius":1}`},
	{"figures", `{"kind":"disc"}`, `{"kind":"disc","radius":1}`},
	{"figures", `0`, `{"kind":"disc","radius":1}`},
	{"unique", `1`, `1%05d`},
	{"strict", `{"a":1}`, `{"n":1}`},
	{"mails", `""`, `"a@example.org"`},
	{"links", `""`, `"https://example.org"`},
	{"dates", `""`, `"2025-05-11T14:30:00Z"`},
	{"hosts", `""`, `"example.org"`},
}

// of returns the text of a message with that many bytes of members.
func (k *refusedFrame) of(member string, size int) string {
	n, each := 0, len(member)+1
	if strings.Contains(member, "%") {
		each = len(fmt.Sprintf(member, 1000)) + 1
	}
	n = max(1, size/each)
	all := list(n, func(i int) string {
		if strings.Contains(member, "%") {
			return fmt.Sprintf(member, i)
		}
		return member
	})
	if strings.HasSuffix(k.field, "_keys") || strings.HasSuffix(k.field, "_of") {
		return message("kinds", `{"`+k.field+`":{`+all+`}}`)
	}
	return message("kinds", `{"`+k.field+`":[`+all+`]}`)
}

// tale is the answer to a kindsMessage.
type tale struct {
	Text string `json:"text"`
}

func (tale) Action() string { return "tale" }

type kinds struct{ *chanx.Conn }

func (kinds) tell(_ context.Context, m kindsMessage) (tale, error) {
	return tale{strings.Repeat("x", m.Bytes)}, nil
}

func newKinds() *chanx.Consumer[kinds] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*kinds, error) { return &kinds{c}, nil }, &chanx.ConsumerOptions{
		Unions: []chanx.UnionType{chanx.Union[figure]("kind", chanx.VariantOf[disc]("disc"), chanx.VariantOf[block]("block"))},
	})
	chanx.OnRequest(c, (*kinds).tell)
	return c
}

// worstToll bounds the processor time of a refused frame, in that of an accepted one.
const worstToll = 5

// toll is the processor time of a refused frame and of an accepted one.
type toll struct {
	what    string
	no, yes time.Duration
}

func (x toll) ratio() float64 { return float64(x.no) / float64(x.yes) }

func (x toll) String() string {
	return fmt.Sprintf("%.2f × an accepted one: %s: %v, accepted %v", x.ratio(), x.what, x.no, x.yes)
}

// exact measures the toll of frames that are sent that many times in turn.
func exact(t *testing.T, what string, r *raider, no, yes []byte, times int) toll {
	t.Helper()
	const rounds, most = 5, 50 // more rounds while garbage collection or other load makes a frame look costly
	x := toll{what: what, no: math.MaxInt64, yes: math.MaxInt64}
	for i := 0; i < rounds || i < most && x.ratio() > worstToll; i++ {
		begin := processorTime(t)
		_, err := r.hears(no, times)
		between := processorTime(t)
		if err == nil {
			_, err = r.hears(yes, times)
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		x.no, x.yes = min(x.no, between-begin), min(x.yes, processorTime(t)-between)
	}
	return x
}

// TestRefusedFramesCostLittle: a refused frame, plain or compressed, takes at most a few times the processor time of an
// accepted frame of the same length, whatever is wrong with it. For a long frame the answer is comparatively short. The
// answer to a short frame may have MaxErrors items of 1 KiB, so it is compared with an accepted frame whose answer has
// that length.
func TestRefusedFramesCostLittle(t *testing.T) {
	f := build(t, plan{
		also: func(s *chanx.Server) { s.Handle("/kinds", newKinds()) },
		ServerOptions: chanx.ServerOptions{
			Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Limits: chanx.Limits{MaxInvalid: -1, SendQueueBytes: 64 << 20}, // the answers wait for a test that reads slowly
			Compression: chanx.Compression{Enabled: true},
		},
	})
	plain, err := f.enter("/kinds")
	deflating, otherErr := f.enter("/kinds", "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover")
	if err := errors.Join(err, otherErr); err != nil {
		t.Fatal(err)
	}
	var all []toll
	for _, k := range refusedFrames {
		for _, size := range []int{57_000, 1000, 150} {
			no, yes := k.of(k.refused, size), k.of(k.accepted, size)
			if size < 10_000 {
				bytes, err := plain.hears(text(no), 1)
				if err != nil {
					t.Fatal(err)
				}
				yes = strings.Replace(yes, `"payload":{`, fmt.Sprintf(`"payload":{"bytes":%d,`, bytes), 1)
			}
			what := fmt.Sprintf("%s %s, %d bytes", k.field, k.refused, len(no))
			deflated, times := compressed(t, no), min(57_000/size, 20)
			all = append(all,
				exact(t, what, plain, text(no), text(yes), times),
				exact(t, fmt.Sprintf("%s deflated to %d", what, len(deflated)), deflating, deflated, compressed(t, yes), times))
		}
	}
	slices.SortFunc(all, func(a, b toll) int { return cmp.Compare(b.ratio(), a.ratio()) })
	for i, x := range all {
		if x.ratio() > worstToll {
			t.Errorf("%v, want %d × at most", x, worstToll)
		} else if i < 5 {
			t.Log(x)
		}
	}
	if err := errors.Join(plain.leave(), deflating.leave()); err != nil {
		t.Error(err)
	}
}

// hears sends a frame several times and a ping, and returns when the server has handled them. It counts the bytes of
// the answers, which may be compressed.
func (r *raider) hears(frame []byte, times int) (answers int, err error) {
	if err := r.SetDeadline(time.Now().Add(maxWait)); err != nil {
		return 0, err
	}
	said := make(chan error, 1)
	go func() { said <- r.say(append(bytes.Repeat(frame, times), text(message("ping", "null"))...)) }()
	for {
		h, err := ws.ReadHeader(r.r)
		got := make([]byte, h.Length)
		if err == nil {
			_, err = io.ReadFull(r.r, got)
		}
		if err == nil && h.OpCode == ws.OpClose {
			err = fmt.Errorf("the server closes: %q", got)
		}
		if err != nil || string(got) == `{"action":"pong"}` {
			return answers, errors.Join(err, <-said)
		}
		answers += len(got)
	}
}
