package schema_test

import (
	"encoding/json"
	"go/token"
	"reflect"
	"strings"
	"text/scanner"
	"time"

	"github.com/chanx-go/chanx/schema"
	billing "github.com/chanx-go/chanx/schema/testdata/billing/model"
	shop "github.com/chanx-go/chanx/schema/testdata/shop/model"
)

// described are types that together have each kind, tag and shape.
var described = []struct {
	name   string
	typ    reflect.Type
	naming schema.Naming
}{
	{"kinds", reflect.TypeFor[Kinds](), schema.AsDeclared},
	{"pointers", reflect.TypeFor[Pointers](), schema.AsDeclared},
	{"strings", reflect.TypeFor[Strings](), schema.AsDeclared},
	{"formats", reflect.TypeFor[Formats](), schema.AsDeclared},
	{"numbers", reflect.TypeFor[Numbers](), schema.AsDeclared},
	{"lists", reflect.TypeFor[Lists](), schema.AsDeclared},
	{"maps", reflect.TypeFor[Maps](), schema.AsDeclared},
	{"presence", reflect.TypeFor[Presence](), schema.AsDeclared},
	{"documented", reflect.TypeFor[Documented](), schema.AsDeclared},
	{"strict", reflect.TypeFor[Strict](), schema.AsDeclared},
	{"named", reflect.TypeFor[Named](), schema.AsDeclared},
	{"tree", reflect.TypeFor[Tree](), schema.AsDeclared},
	{"union", reflect.TypeFor[Drawing](), schema.AsDeclared},
	{"camel", reflect.TypeFor[Camelised](), schema.CamelCase},
	{"clashes", reflect.TypeFor[Clashes](), schema.AsDeclared},
	{"generic", reflect.TypeFor[Generic](), schema.AsDeclared},
	{"message", reflect.TypeFor[Message](), schema.AsDeclared},
	{"empty", reflect.TypeFor[struct{}](), schema.AsDeclared},
	{"scalar", reflect.TypeFor[Suit](), schema.AsDeclared},
	{"map", reflect.TypeFor[Headers](), schema.AsDeclared},
	{"list", reflect.TypeFor[[]int](), schema.AsDeclared},
	{"pointer", reflect.TypeFor[*Node](), schema.AsDeclared},
	{"interface", reflect.TypeFor[Shape](), schema.AsDeclared},
}

type (
	Kinds struct {
		Text    string          `json:"text"`
		Int     int             `json:"int"`
		Int8    int8            `json:"int8"`
		Int16   int16           `json:"int16"`
		Int32   int32           `json:"int32"`
		Int64   int64           `json:"int64"`
		Uint    uint            `json:"uint"`
		Uint8   uint8           `json:"uint8"`
		Uint16  uint16          `json:"uint16"`
		Uint32  uint32          `json:"uint32"`
		Uint64  uint64          `json:"uint64"`
		Float32 float32         `json:"float32"`
		Float64 float64         `json:"float64"`
		Bool    bool            `json:"bool"`
		Bytes   []byte          `json:"bytes"`
		Time    time.Time       `json:"time"`
		Length  time.Duration   `json:"length"`
		Level   Level           `json:"level"`
		Own     Own             `json:"own"`
		Raw     json.RawMessage `json:"raw"`
		Any     any             `json:"any"`
		Inline  struct {
			A int `json:"a"`
		} `json:"inline"`
	}

	Pointers struct {
		Text   *string             `json:"text" minLength:"2"`
		Twice  **int               `json:"twice" maximum:"5"`
		Suit   *Suit               `json:"suit"`
		Choice *string             `json:"choice" enum:"a,b"`
		Node   *Node               `json:"node" doc:"perhaps"`
		List   *[]*int             `json:"list" minItems:"1"`
		Any    *any                `json:"any"`
		Map    map[string]*float64 `json:"map"`
		Shape  *Shape              `json:"shape"`
	}

	Strings struct {
		Short   string   `json:"short" minLength:"1" maxLength:"3"`
		Long    string   `json:"long" minLength:"10"`
		Slug    string   `json:"slug" pattern:"^[a-z][a-z0-9-]{2,}$"`
		Digits  string   `json:"digits" pattern:"[0-9]{4}" minLength:"6" maxLength:"8"`
		Either  string   `json:"either" pattern:"^(yes|no|\\?)$"`
		Choice  string   `json:"choice" enum:"red,green,<b>"`
		Suit    Suit     `json:"suit"`
		Black   Suit     `json:"black" enum:"spades,clubs,stars"`
		Words   []string `json:"words" minLength:"2" maxItems:"3"`
		Integer int      `json:"integer" enum:"3,5,8"`
		Stars   Level    `json:"stars" pattern:"^[*]{2,}$" maxLength:"5"`
	}

	Formats struct {
		DateTime string   `json:"date_time" format:"date-time"`
		Date     string   `json:"date" format:"date"`
		Time     string   `json:"time" format:"time"`
		Duration string   `json:"duration" format:"duration"`
		Email    string   `json:"email" format:"email"`
		URI      string   `json:"uri" format:"uri"`
		UUID     string   `json:"uuid" format:"uuid"`
		IPv4     string   `json:"ipv4" format:"ipv4"`
		IPv6     string   `json:"ipv6" format:"ipv6"`
		Hostname string   `json:"hostname" format:"hostname"`
		Hosts    []string `json:"hosts" format:"hostname" minItems:"2" uniqueItems:"true"`
	}

	Numbers struct {
		Range    int       `json:"range" minimum:"3" maximum:"7"`
		Open     float64   `json:"open" exclusiveMinimum:"0" exclusiveMaximum:"1"`
		Negative int       `json:"negative" exclusiveMaximum:"0"`
		Fives    int       `json:"fives" multipleOf:"5" minimum:"11"`
		Tenths   float64   `json:"tenths" multipleOf:"0.1"`
		Byte     uint8     `json:"byte" minimum:"-5" maximum:"100"`
		Large    uint64    `json:"large" minimum:"9007199254740993"`
		Half     int       `json:"half" minimum:"2.5"`
		Each     []float64 `json:"each" minimum:"0.5"`
		Quoted   int       `json:"quoted,string"`
		Yes      bool      `json:"yes,string"`
		Share    float64   `json:"share,string"`
		Count    uint      `json:"count,string"`
	}

	Lists struct {
		Any    []int      `json:"any"`
		Few    []string   `json:"few" minItems:"1" maxItems:"2" minLength:"1"`
		Unique []string   `json:"unique" minItems:"3" uniqueItems:"true"`
		Codes  []string   `json:"codes" minItems:"2" uniqueItems:"true" pattern:"^[A-Z]{2}$"`
		Sums   []float64  `json:"sums" uniqueItems:"true"`
		Points []Node     `json:"points" uniqueItems:"true" maxItems:"3"`
		Pair   [2]float64 `json:"pair"`
		Grid   [][]int    `json:"grid" minItems:"1"`
		Nodes  []Node     `json:"nodes"`
		Tags   Tags       `json:"tags"`
		Big    Tags       `json:"big" minItems:"2"`
	}

	Maps struct {
		Any     map[string]any    `json:"any"`
		Counts  map[string]int    `json:"counts" minProperties:"1" maxProperties:"3" minimum:"0"`
		ByID    map[int]string    `json:"by_id" minLength:"1"`
		BySuit  map[Suit]bool     `json:"by_suit"`
		BySize  map[uint8]float64 `json:"by_size"`
		ByLevel map[Level]Node    `json:"by_level"`
		ByGrade map[Grade]string  `json:"by_grade"`
		Headers Headers           `json:"headers"`
	}

	Presence struct {
		Must      string  `json:"must"`
		Default   string  `json:"default" default:"x"`
		Number    int     `json:"number" default:"7"`
		List      []int   `json:"list" default:"[1,2]"`
		Pointer   *int    `json:"pointer"`
		WithOne   *int    `json:"with_one" default:"1"`
		OmitEmpty string  `json:"omit_empty,omitempty"`
		OmitZero  int     `json:"omit_zero,omitzero" minimum:"1"`
		Node      Node    `json:"node" default:"{\"value\":3}"`
		When      *string `json:"when" default:"null"`
		Quoted    int     `json:"quoted,string" default:"7"`
		Plain     string
		Skipped   string `json:"-"`
	}

	Documented struct {
		Text  string    `json:"text" doc:"What is said: \"a < b\" & more." example:"hello"`
		Old   int       `json:"old" deprecated:"true" doc:"Use text." default:"1"`
		Node  Node      `json:"node" doc:"The first." example:"{\"value\":5,\"next\":{\"value\":6}}"`
		Suit  Suit      `json:"suit" example:"hearts"`
		When  time.Time `json:"when" example:"2025-05-11T14:30:00Z"`
		Times []int     `json:"times" example:"[1,2,3]"`
	}

	Strict struct {
		_ struct{} `additionalProperties:"false"`
		A int      `json:"a"`
		B *string  `json:"b"`
	}

	// Named has each sort of named type, once where it has constraints of its own.
	Named struct {
		Name   Name    `json:"name"`
		Short  Name    `json:"short" maxLength:"3"`
		Suits  []Suit  `json:"suits"`
		Grade  Grade   `json:"grade"`
		Odd    Grade   `json:"odd" enum:"1,3"`
		Price  Price   `json:"price" minimum:"0"`
		Inner  Headers `json:"inner"`
		Corner Corner  `json:"corner"`
	}

	Node struct {
		Value int   `json:"value"`
		Next  *Node `json:"next"`
	}

	Tree struct {
		Name     string          `json:"name"`
		Children []Tree          `json:"children"`
		ByName   map[string]Tree `json:"by_name"`
		Parent   *Tree           `json:"parent"`
		Forest   *Forest         `json:"forest"`
	}
	Forest struct {
		Trees []*Tree `json:"trees" maxItems:"2"`
	}

	Shape  interface{ Area() float64 }
	Circle struct {
		Radius float64 `json:"radius" exclusiveMinimum:"0"`
	}
	Square struct {
		_    struct{} `additionalProperties:"false"`
		Side float64  `json:"side" default:"1"`
	}
	Group struct {
		Shapes []Shape `json:"shapes"`
		First  Shape   `json:"first"`
	}
	Drawing struct {
		Main   Shape            `json:"main" doc:"What is in front."`
		Others []Shape          `json:"others"`
		ByName map[string]Shape `json:"by_name"`
		Circle Circle           `json:"circle"`
	}

	Camelised struct {
		UserName  string         `json:"user_name"`
		CreatedAt time.Time      `json:"created_at"`
		Inner     CamelInner     `json:"inner_value" default:"{\"inner_text\":\"a\"}"`
		ByKey     map[string]int `json:"by_key"`
		Shape     Shape          `json:"some_shape"`
	}
	CamelInner struct {
		InnerText string `json:"inner_text"`
	}

	Clashes struct {
		A token.Position   `json:"a"`
		B scanner.Position `json:"b"`
		C shop.Order       `json:"c"`
		D billing.Order    `json:"d"`
		E Circle           `json:"e"`
		F Shape            `json:"f"`
	}

	Generic struct {
		Nodes  Page[Node]                   `json:"nodes"`
		Texts  Page[string]                 `json:"texts"`
		Shop   Page[shop.Order]             `json:"shop"`
		Bill   Page[billing.Order]          `json:"bill"`
		Pages  Page[Page[Node]]             `json:"pages"`
		Pairs  Pair[string, []*Node]        `json:"pairs"`
		Counts Pair[map[string]int, [2]int] `json:"counts"`
	}
	Page[T any] struct {
		Items []T  `json:"items"`
		More  bool `json:"more"`
	}
	Pair[A, B any] struct {
		First  A `json:"first"`
		Second B `json:"second"`
	}

	Payload struct {
		Content string  `json:"content" minLength:"1" maxLength:"2000"`
		Sender  string  `json:"sender_name" default:"Anonymous"`
		When    *string `json:"timestamp" format:"date-time"`
	}
	// Message shares its fields with others.
	Message struct{ Payload }

	Suit    string
	Grade   int
	Name    string
	Price   float64
	Level   struct{ n int }
	Own     struct{ v string }
	Tags    []string
	Headers map[string]Tags
	Corner  [2]int
)

func (Suit) Enum() []Suit   { return []Suit{"hearts", "spades", "clubs", "diamonds"} }
func (Grade) Enum() []Grade { return []Grade{1, 2, 3} }

func (l Level) MarshalText() ([]byte, error) { return []byte(strings.Repeat("*", l.n)), nil }
func (l *Level) UnmarshalText(text []byte) error {
	l.n = len(text)
	return nil
}

func (o Own) MarshalJSON() ([]byte, error)     { return json.Marshal(o.v) }
func (o *Own) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &o.v) }

func (c Circle) Area() float64  { return 3 * c.Radius * c.Radius }
func (s *Square) Area() float64 { return s.Side * s.Side }
func (g *Group) Area() float64  { return 0 }

var figures = schema.Union{
	Interface: reflect.TypeFor[Shape](), Discriminator: "shape_kind",
	Variants: []schema.Variant{
		{Tag: "group", Type: reflect.TypeFor[*Group]()},
		{Tag: "circle", Type: reflect.TypeFor[Circle]()},
		{Tag: "square", Type: reflect.TypeFor[*Square]()},
	},
}
