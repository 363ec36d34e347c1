package playground

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"regexp"
	"strings"
	"sync"
)

//go:embed dist/*.gz
var dist embed.FS

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// asset is a file of the page, compressed.
type asset struct {
	packed []byte
	etag   string // without quotes
	hashed bool   // its name changes with its content
}

var hashedName = regexp.MustCompile(`-[A-Z0-9]{8}\.(js|css)$`)

// assets returns the files of the page by name.
var assets = sync.OnceValue(func() map[string]asset {
	entries, err := dist.ReadDir("dist")
	if err != nil {
		panic("playground: read embedded files: " + err.Error())
	}
	all := map[string]asset{}
	for _, e := range entries {
		packed, err := dist.ReadFile("dist/" + e.Name())
		if err != nil {
			panic("playground: read embedded files: " + err.Error())
		}
		name, sum := strings.TrimSuffix(e.Name(), ".gz"), sha256.Sum256(packed)
		all[name] = asset{packed, base64.RawURLEncoding.EncodeToString(sum[:12]), hashedName.MatchString(name)}
	}
	return all
})

// text returns the file as it was before compression. Few clients need it.
func (a asset) text() []byte {
	r, err := gzip.NewReader(bytes.NewReader(a.packed))
	if err != nil {
		panic("playground: unpack embedded file: " + err.Error())
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic("playground: unpack embedded file: " + err.Error())
	}
	return text
}
