package repo_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrow lists what a package may import beyond the standard library. Packages of this repository are written relative
// to its root: "./" is the root package itself.
type arrow struct {
	dir  string // "examples/..." is every package below examples
	may  string
	test string // what its test files may import in addition
	why  string
}

const (
	jsontext   = "github.com/go-json-experiment/json/jsontext"
	codec      = "github.com/gobwas/ws"
	leak       = "go.uber.org/goleak"
	peer       = "github.com/coder/websocket"
	prom       = "github.com/prometheus/client_golang/prometheus"
	system     = "golang.org/x/sys/unix"
	yaml       = "go.yaml.in/yaml/v3"
	jsonschema = "github.com/santhosh-tekuri/jsonschema/v6"
	natsServer = "github.com/nats-io/nats-server/v2/server"
)

var arrows = []arrow{
	{
		".", "./schema ./layer ./layer/memlayer ./internal/cluster ./internal/hub ./internal/probe ./internal/socket ./internal/throttle " + jsontext,
		"./ ./chanxtest ./internal/chat ./internal/faultlayer ./internal/nodetest " + codec + " " + leak + " " + peer + " " + jsonschema,
		"an application that imports chanx must not get a broker, a document tool or a test helper with it",
	},
	{
		"schema", jsontext, "./schema ./schema/testdata/... ./internal/mutate " + leak + " " + jsonschema,
		"it describes any Go type and does not depend on connections",
	},
	{
		"asyncapi", "./ ./internal/throttle " + jsontext + " " + yaml, "./asyncapi ./chanxtest ./internal/chat ./internal/mutate " + jsonschema + " " + jsonschema + "/kind " + leak,
		"it writes what a Spec says: whoever needs no document links neither it nor YAML",
	},
	{
		"clientgen", jsontext, "./clientgen",
		"it reads a document: a command that generates clients needs no server",
	},
	{
		"playground", "./ ./asyncapi ./internal/throttle", "./playground ./internal/chat",
		"it serves a page about a document: whoever mounts no page links none",
	},
	{"playground/internal/recorded", "", "./ ./chanxtest ./internal/chat", "it runs an export of the page as an application would"},
	{"layer", "", "./layer", "a broker's module needs the contract, not the framework"},
	{
		"layer/layertest", "./layer " + leak, "./layer/layertest ./layer/memlayer ./internal/faultlayer",
		"the tests of brokers' modules import it: it needs the contract and a check for leaked goroutines",
	},
	{"layer/memlayer", "./layer", "./layer/memlayer ./layer/layertest " + leak, "it is the model of a broker: it handles subjects and bytes"},
	{
		"internal/cluster", "./layer", "./internal/cluster ./internal/faultlayer ./layer/memlayer " + leak,
		"it is what nodes say to each other: it knows no connections and no message types",
	},
	{"internal/hub", "", "./internal/hub " + leak, "it manages the members of groups, not the messages to them"},
	{"internal/throttle", "", "./internal/throttle", "it throttles log lines of any origin"},
	{
		"internal/faultlayer", "./layer", "./internal/faultlayer ./layer/memlayer ./layer/layertest " + leak,
		"it wraps any layer and needs only the contract",
	},
	{
		"internal/nodetest", "./ ./chanxtest ./layer", "./internal/nodetest ./internal/faultlayer ./layer/memlayer " + leak,
		"the tests of brokers' modules import it: it uses servers as an application does, on any layer",
	},
	{"internal/socket", codec, "./internal/socket " + leak + " " + peer, "it handles bytes, not messages"},
	{"internal/probe", "./schema", "", "the root package and chanxtest share it, so it may import neither"},
	{
		"internal/abuse", "", "./ ./layer ./layer/memlayer " + codec + " " + leak,
		"it attacks a server through packages that an application can import, and with raw bytes",
	},
	{
		"internal/proxies", "", "./ " + leak + " " + peer,
		"it runs nodes as an application does, with clients that share no code with them",
	},
	{
		"internal/parity", "", "./ ./schema ./chanxtest " + codec + " " + leak,
		"it uses chanx as an application does, so what was recorded is compared with what applications get",
	},
	{"internal/mutate", "", "", "the tests of schema and asyncapi share it: it knows JSON values only"},
	{"internal/repo", "", "", "it reads the repository and must not depend on it"},
	{"internal/chat", "./", "./internal/chat ./chanxtest " + leak, "it is an application: the one that docs/design.md shows"},
	{
		"chanxtest", "./ ./schema ./layer ./layer/memlayer ./internal/cluster ./internal/faultlayer ./internal/probe " + peer, "./chanxtest ./layer/layertest " + leak,
		"it tests applications as a client, through packages that they can import too; the probe saves them from declaring things twice",
	},
	{
		"examples/chat", "./ ./asyncapi ./playground ./layer ./layer/memlayer ./natslayer ./redislayer ./examples/chat/...", natsServer + " " + prom + "/testutil " + leak + " " + peer,
		"the program chooses the broker; rooms, logins and pages do not see which",
	},
	{
		"examples/cluster", natsServer, leak + " " + peer,
		"it starts processes and sends bytes; the traffic between nodes is not its concern",
	},
	{
		"examples/...", "./ ./asyncapi ./playground ./layer ./chanxtest ./examples/... modernc.org/sqlite golang.org/x/text/cases golang.org/x/text/unicode/norm " + prom + " " + prom + "/promhttp",
		leak + " " + peer + " " + prom + "/testutil",
		"an example shows what an application can do, so it uses what an application can import",
	},
	{
		"jwtauth", "./ ./internal/throttle github.com/golang-jwt/jwt/v5 github.com/MicahParks/jwkset github.com/go-json-experiment/json github.com/go-json-experiment/json/jsontext github.com/go-json-experiment/json/v1", "./jwtauth ./chanxtest " + leak,
		"an application that has no tokens gets no token library",
	},
	{
		"cmd/chanx", "./cmd/chanx/... github.com/alecthomas/kong", "github.com/rogpeppe/go-internal/testscript",
		"a service needs the command while it is written, not in its binary",
	},
	{"cmd/chanx/godocs", "", "", "it reads Go sources, also ones that do not compile"},
	{
		"redislayer", "./layer github.com/redis/rueidis", "./ ./redislayer ./layer/layertest ./internal/nodetest " + leak,
		"it is a broker's layer: it sees subjects and bytes, and an application without Redis gets no Redis",
	},
	{
		"natslayer", "./layer github.com/nats-io/nats.go", "./ ./natslayer ./layer/layertest ./internal/nodetest " + natsServer + " " + leak,
		"it is a broker's layer: it sees subjects and bytes, and an application without NATS gets no NATS",
	},
	{
		"otelchanx",
		"./ go.opentelemetry.io/otel/...",
		"./otelchanx ./chanxtest ./layer/memlayer " + leak,
		"an application that measures otherwise gets no OpenTelemetry",
	},
	{
		"bench/soakcluster", "./ ./layer ./natslayer ./redislayer github.com/nats-io/nats.go github.com/nats-io/nats-server/v2/server " + peer + " " + system,
		leak, "it is an application with its brokers, and a judge of what its clients got",
	},
	{"tools/page", "github.com/evanw/esbuild/pkg/api", "", "it bundles the page of package playground, and nothing else needs a bundler"},
	{"bench", "./bench/... " + system, leak, "it asks servers for figures; what a server is made of stays in bench/serve"},
	{
		"bench/decode", "./schema github.com/go-playground/validator/v10", "./bench/decode",
		"it compares ways to read a message, without servers",
	},
	{"bench/load", system, "./bench/load " + leak, "it knows bytes on a socket: one load for every server, whoever made it"},
	{"bench/measure", system, "./bench/measure " + leak, "it knows processes and numbers, not what they are about"},
	{"bench/soak", "./bench/load ./bench/measure ./bench/soak/...", leak, "it plays clients of a host, and knows chanx as they do: by what they hear"},
	{"bench/soak/host", "./", leak, "it is a server as an application would write it"},
	{"bench/soak/peer", system, "./bench/soak/peer " + leak, "it knows bytes on a socket and shares no code with the server that it is to judge"},
	{
		"bench/serve", "./ ./layer ./natslayer ./redislayer ./bench/load github.com/nats-io/nats-server/v2/server github.com/lxzan/gws " +
			"github.com/gorilla/websocket github.com/centrifugal/centrifuge github.com/go-playground/validator/v10 " + peer,
		leak, "it compares what an application can import of this repository with what it can import of others",
	},
}

func (a arrow) covers(dir string) bool {
	if all, ok := strings.CutSuffix(a.dir, "/..."); ok {
		return dir == all || strings.HasPrefix(dir, all+"/")
	}
	return dir == a.dir
}

func (a arrow) allows(path string, test bool) bool {
	list := strings.Fields(a.may)
	if test {
		list = append(list, strings.Fields(a.test)...)
	}
	return slices.ContainsFunc(list, func(one string) bool {
		if all, ok := strings.CutSuffix(one, "/..."); ok {
			return path == all || strings.HasPrefix(path, all+"/")
		}
		return path == one
	})
}

// fromRoot returns an import path of this repository in the form that arrows use.
func fromRoot(path string) string {
	if path == module {
		return "./"
	}
	if rest, ours := strings.CutPrefix(path, module+"/"); ours {
		return "./" + rest
	}
	return path
}

func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

var arrowRule = rule{
	name: "packages import only what their arrow allows",
	why:  "a package that knows less can be read, tested and used alone; a new arrow is a decision, taken in arrows_test.go",
	check: eachGo(func(f file) (broken []string) {
		i := slices.IndexFunc(arrows, func(a arrow) bool { return a.covers(f.dir()) })
		if i < 0 {
			return []string{f.path + ": the package has no arrow: say what it may import, and why"}
		}
		a := arrows[i]
		for k, path := range f.imports() {
			if !isStandard(path) && !a.allows(fromRoot(path), f.isTest()) {
				broken = append(broken, f.at(f.ast.Imports[k])+a.dir+" must not import "+path+": "+a.why)
			}
		}
		return broken
	}),
	breaks: []sample{
		{"schema/a.go": `package schema; import _ "` + module + `"`},
		{"layer/a.go": `package layer; import _ "` + module + `/schema"`},
		{"internal/hub/a.go": `package hub; import _ "` + module + `/layer"`},
		{"internal/cluster/a.go": `package cluster; import _ "` + module + `"`},
		{"a.go": `package chanx; import _ "` + module + `/chanxtest"`},
		{"a.go": `package chanx; import _ "github.com/nats-io/nats.go"`},
		{"a_test.go": `package chanx; import _ "` + module + `/examples/chat/room"`},
		{"examples/chat/a.go": `package main; import _ "` + module + `/internal/hub"`},
		{"newcomer/a.go": `package newcomer`},
	},
	keeps: []sample{
		{"a.go": `package chanx; import _ "` + module + `/schema"; import _ "net/http"`},
		{"a_test.go": `package chanx_test; import _ "` + module + `/chanxtest"`},
		{"examples/chat/a.go": `package main; import _ "` + module + `/examples/chat/room"`},
	},
}

// helperPackages are for tests. If production code imports them, they end up in users' binaries.
var helperPackages = []string{"testing", "net/http/httptest", leak, "github.com/stretchr/testify", jsonschema}

// forTests are the packages that only tests import.
var forTests = []string{"chanxtest", "layer/layertest", "internal/nodetest"}

var productionRule = rule{
	name: "only tests, chanxtest, layertest and nodetest import test helpers",
	why:  "they would be linked into every application; testing even adds flags to it",
	check: eachGo(func(f file) (broken []string) {
		if f.isTest() || slices.Contains(forTests, f.dir()) {
			return nil
		}
		for k, path := range f.imports() {
			if slices.ContainsFunc(helperPackages, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") }) {
				broken = append(broken, f.at(f.ast.Imports[k])+path+" is for tests")
			}
		}
		return broken
	}),
	breaks: []sample{
		{"a.go": `package chanx; import _ "testing"`},
		{"a.go": `package chanx; import _ "testing/synctest"`},
		{"layer/a.go": `package layer; import _ "testing"`},
		{"examples/chat/a.go": `package main; import _ "net/http/httptest"`},
	},
	keeps: []sample{
		{"a_test.go": `package chanx; import _ "testing"`},
		{"chanxtest/a.go": `package chanxtest; import _ "testing"`},
		{"layer/layertest/a.go": `package layertest; import _ "testing"; import _ "` + leak + `"`},
	},
}

// rootMayLink are the modules that an application gets with the root package.
var rootMayLink = []string{module, "github.com/go-json-experiment/json", "github.com/gobwas/ws", "github.com/gobwas/httphead"}

// rootMustNotLink are packages of the standard library that a message server does not need: test helpers, and packages
// for web pages and commands.
var rootMustNotLink = []string{"testing", "net/http/httptest", "html", "html/template", "text/template", "flag", "os/exec"}

// TestTheRootPackageLinksNothingElse follows imports transitively, unlike arrowRule, which checks direct imports.
func TestTheRootPackageLinksNothingElse(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, module) || !slices.Contains(linked, "net/http") {
		t.Fatalf("go list does not list chanx and net/http: %d packages", len(linked))
	}
	for _, p := range linked {
		known := isStandard(p) || slices.ContainsFunc(rootMayLink, func(m string) bool { return p == m || strings.HasPrefix(p, m+"/") })
		if !known || slices.Contains(rootMustNotLink, p) {
			t.Errorf("the root package links %s: an application that imports chanx would carry it", p)
		}
	}
}
