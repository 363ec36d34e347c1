package asyncapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Options describe the application in its document. The zero value works.
type Options struct {
	// AsyncAPI is the version of the specification: "3.0.0", the default, or "3.1.0".
	AsyncAPI string

	// Title and Version of the application. The defaults are "WebSocket API" and "0.0.0".
	Title, Version string

	// Description of the application; it may be CommonMark.
	Description string

	// ID is a URI that identifies the application, such as "urn:com:example:chat".
	ID string

	// TermsOfService is a URL.
	TermsOfService string

	// Contact is whom to ask about the application.
	Contact *Contact

	// License is the license of the application.
	License *License

	// ExternalDocs are further documentation.
	ExternalDocs *ExternalDocs

	// Tags group documents.
	Tags []Tag

	// Servers are the places where the application is served. They are in the document in this order.
	Servers []Server

	// Access is called by Handler before each answer; nil allows everybody. An error made with chanx.Refuse is answered
	// with its status and detail, any other one is logged and answered with 500. It must be safe for concurrent use.
	Access func(*http.Request) error

	// Logger receives the errors of Access, at most one line a minute; nil means slog.Default().
	Logger *slog.Logger
}

// Contact is whom to ask about the application.
type Contact struct {
	Name  string `json:"name,omitempty"`
	URL   string `json:"url,omitempty"`
	Email string `json:"email,omitempty"`
}

// License is the license of the application. Name is required.
type License struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

// ExternalDocs are further documentation. URL is required.
type ExternalDocs struct {
	Description string `json:"description,omitempty"`
	URL         string `json:"url"`
}

// Tag groups documents. Name is required.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Server is a place where the application is served.
type Server struct {
	Name        string `json:"-"`                  // its key: letters, digits, '-' and '_'; the default is the host
	Host        string `json:"host"`               // with a port if it is not that of the protocol: "chat.example.com"
	Pathname    string `json:"pathname,omitempty"` // what precedes the addresses of the channels
	Protocol    string `json:"protocol"`           // "wss", the default, or "ws"
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_\-]+$`)

// withDefaults returns a copy that is complete, or an error about a value that no document can have.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	c.AsyncAPI = orDefault(c.AsyncAPI, "3.0.0")
	c.Title, c.Version = orDefault(c.Title, "WebSocket API"), orDefault(c.Version, "0.0.0")
	if c.AsyncAPI != "3.0.0" && c.AsyncAPI != "3.1.0" {
		return c, fmt.Errorf("asyncapi: write document: Options.AsyncAPI %q: use 3.0.0 or 3.1.0", c.AsyncAPI)
	}
	if err := c.checkInfo(); err != nil {
		return c, err
	}
	return c, c.completeServers()
}

func (o *Options) checkInfo() error {
	urls := []struct{ field, value string }{{"ID", o.ID}, {"TermsOfService", o.TermsOfService}}
	required := []struct{ field, value string }{}
	if o.Contact != nil {
		urls = append(urls, struct{ field, value string }{"Contact.URL", o.Contact.URL})
	}
	if o.License != nil {
		urls = append(urls, struct{ field, value string }{"License.URL", o.License.URL})
		required = append(required, struct{ field, value string }{"License.Name", o.License.Name})
	}
	if o.ExternalDocs != nil {
		urls = append(urls, struct{ field, value string }{"ExternalDocs.URL", o.ExternalDocs.URL})
		required = append(required, struct{ field, value string }{"ExternalDocs.URL", o.ExternalDocs.URL})
	}
	for _, t := range o.Tags {
		required = append(required, struct{ field, value string }{"Tags: Name", t.Name})
	}
	for _, r := range required {
		if r.value == "" {
			return fmt.Errorf("asyncapi: write document: Options.%s is empty: AsyncAPI requires it", r.field)
		}
	}
	for _, u := range urls {
		if parsed, err := url.Parse(u.value); u.value != "" && (err != nil || !parsed.IsAbs()) {
			return fmt.Errorf("asyncapi: write document: Options.%s %q: it is not an absolute URL: begin it with https://", u.field, u.value)
		}
	}
	return nil
}

func (o *Options) completeServers() error {
	servers := make([]Server, len(o.Servers))
	taken := map[string]bool{}
	for i, s := range o.Servers {
		if s.Host == "" {
			return fmt.Errorf("asyncapi: write document: Options.Servers[%d]: its Host is empty", i)
		}
		s.Protocol = orDefault(s.Protocol, "wss")
		s.Name = orDefault(s.Name, strings.ReplaceAll(identifier(s.Host), ".", "_"))
		if !keyPattern.MatchString(s.Name) || taken[s.Name] {
			return fmt.Errorf("asyncapi: write document: Options.Servers[%d].Name %q: use letters, digits, '-' and '_', and each name once", i, s.Name)
		}
		taken[s.Name] = true
		servers[i] = s
	}
	o.Servers = servers
	return nil
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
