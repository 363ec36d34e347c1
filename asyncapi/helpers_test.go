package asyncapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/internal/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files")

// newServer returns a server that is shut down after the test.
func newServer(t testing.TB, opts *chanx.ServerOptions) *chanx.Server {
	t.Helper()
	var o chanx.ServerOptions
	if opts != nil {
		o = *opts
	}
	o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	srv := chanx.NewServer(&o)
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return srv
}

func chatServer(t testing.TB) *chanx.Server {
	t.Helper()
	srv := newServer(t, nil)
	srv.Handle("/ws/rooms/{room}", chat.New())
	srv.Handle("/ws/union", chat.NewUnion())
	return srv
}

func mustDocument(t testing.TB, spec chanx.Spec, opts *asyncapi.Options) []byte {
	t.Helper()
	b, err := asyncapi.Document(spec, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// official returns AsyncAPI's own JSON Schema of a version.
func official(t testing.TB, version string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("testdata/schema/" + version + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("asyncapi.json", parse(t, text)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at follows a JSON pointer, and references on the way.
func at(t testing.TB, doc any, pointer string) any {
	t.Helper()
	v := doc
	for part := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(pointer, "#"), "/"), "/") {
		o, ok := v.(map[string]any)
		if !ok || o[part] == nil {
			t.Fatalf("%s: nothing at %q", pointer, part)
		}
		v = o[part]
		if o, ok := v.(map[string]any); ok && o["$ref"] != nil {
			v = at(t, doc, o["$ref"].(string))
		}
	}
	return v
}

// frames compiles the frame schemas of all messages: by channel and message key.
func frames(t testing.TB, doc any) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("document.json", doc); err != nil {
		t.Fatal(err)
	}
	all := map[string]*jsonschema.Schema{}
	for channel, v := range doc.(map[string]any)["channels"].(map[string]any) {
		for key, m := range v.(map[string]any)["messages"].(map[string]any) {
			where := "#/channels/" + channel + "/messages/" + key
			if ref, ok := m.(map[string]any)["$ref"].(string); ok {
				where = ref
			}
			s, err := c.Compile("document.json" + where + "/payload")
			if err != nil {
				t.Fatal(err)
			}
			all[channel+" "+key] = s
		}
	}
	return all
}

// golden compares a text with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is written now: refresh it with -update and read the difference", name)
	}
}
