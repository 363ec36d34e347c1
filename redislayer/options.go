package redislayer

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// DefaultPrefix is the default of Options.Prefix.
const DefaultPrefix = "chanx"

// maxRedirections is how often a publication follows a moved slot before it fails.
const maxRedirections = 8

// ringScale is the binary logarithm of how many calls rueidis can queue on a connection, each with any number of commands.
// At most three are queued: one of the layer, a ping of rueidis, and one when it closes.
const ringScale = 4

// answerTimeout is how long Redis may take to answer a ping, and how long a write may block. A connection that has been idle
// for a second is pinged, so a silent server counts as lost after 6 to 7 s.
const answerTimeout = 5 * time.Second

// Options are the settings of [Connect]. The zero value and nil are suitable for production.
type Options struct {
	// Prefix and a colon begin the name of every channel; the default is [DefaultPrefix]. Layers with different prefixes
	// do not receive each other's publications, unless one prefix is the other followed by a colon and more text. In a
	// cluster a prefix with a hash tag ("{app}") puts everything on one shard.
	Prefix string

	// Classic makes the layer use PUBLISH and SUBSCRIBE in a cluster, as with a single server, instead of SPUBLISH and
	// SSUBSCRIBE. It is for clusters older than Redis 7. Every publication then goes to every node of the cluster, and
	// losses between the nodes are not reported as gaps.
	Classic bool

	// TLS is for a URL that begins with rediss://. Nil means the machine's certificate authorities, TLS 1.2 or later, and
	// certificates for the host in the URL, whichever node is dialled. If it is set and has no ServerName, each node's
	// certificate must be for its own address.
	TLS *tls.Config

	// StartWithoutBroker lets Connect succeed although no broker can be reached. The layer is down until one can.
	StartWithoutBroker bool

	// Configure may change other options of rueidis: separate credentials for sentinels, rotating credentials, timeouts, a
	// dialer. It is called once, after the URL and TLS have been applied. A silent server is noticed after Dialer.KeepAlive
	// (1 s) plus ConnWriteTimeout (5 s). The layer overrides options that would break its guarantees: retries, replicas,
	// several connections for publications, a limited lifetime of connections.
	Configure func(*rueidis.ClientOption)
}

// config is how links connect.
type config struct {
	option  rueidis.ClientOption
	prefix  string
	classic bool
}

var schemes = []string{"redis", "rediss", "valkey", "valkeys", "unix"}

const escape = ", and escape what has a meaning in URLs, such as %2F for a slash in the password"

// newConfig parses the URL and applies the options. Its errors quote nothing of the URL: in a malformed URL any part may belong
// to the password.
func newConfig(address string, o Options) (*config, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("it cannot be parsed; write redis://user:password@host:port/0" + escape)
	}
	if !slices.Contains(schemes, u.Scheme) {
		return nil, errors.New("it begins with no known scheme; write redis://host:port, rediss://host:port for TLS, or unix:///path")
	}
	if strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return nil, errors.New("there is an @ behind its host; write redis://user:password@host:port/0" + escape)
	}
	if u.Path == "/" {
		u.Path = "" // the default database (https://www.iana.org/assignments/uri-schemes/prov/redis), which rueidis refuses
	}
	option, err := rueidis.ParseURL(u.String())
	if err != nil {
		return nil, errors.New("its database, a timeout or a flag is not valid; write redis://host:port/0?dial_timeout=5s" + escape)
	}
	if o.TLS != nil {
		if option.TLSConfig == nil {
			return nil, errors.New("Options.TLS is set, but it does not begin with rediss://")
		}
		option.TLSConfig = o.TLS.Clone()
	}
	if option.ConnWriteTimeout == 0 {
		option.ConnWriteTimeout = answerTimeout
	}
	option.Sentinel.TLSConfig, option.Sentinel.Dialer = option.TLSConfig, option.Dialer
	if o.Configure != nil {
		o.Configure(&option)
	}
	enforceGuarantees(&option)
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	return &config{option: option, prefix: o.Prefix, classic: o.Classic}, nil
}

// enforceGuarantees overrides options that would break the layer's guarantees.
func enforceGuarantees(o *rueidis.ClientOption) {
	o.DisableRetry = true    // or a publication may be delivered twice
	o.PipelineMultiplex = -1 // or publications overtake each other on two connections
	o.ConnLifetime = 0
	o.BlockingPipeline = -1 // or a long pipeline uses another connection
	o.DisableAutoPipelining, o.AlwaysPipelining = false, true
	o.RingScaleEachConn = ringScale
	o.DisableCache = true // nothing is cached
	o.SendToReplicas, o.ReplicaOnly = nil, false
	o.Standalone = rueidis.StandaloneOption{}
	if o.Sentinel.Dialer.Timeout == 0 {
		o.Sentinel.Dialer.Timeout = rueidis.DefaultDialTimeout // rueidis sets this default for the servers only
	}
	if o.ClusterOption.MaxMovedRedirections == 0 {
		o.ClusterOption.MaxMovedRedirections = maxRedirections
	}
}

// redact removes passwords from an error: Redis quotes the arguments of commands that it does not know.
func (c *config) redact(err error) error {
	for _, password := range []string{c.option.Password, c.option.Sentinel.Password} {
		if err != nil && password != "" && strings.Contains(err.Error(), password) {
			err = &redacted{strings.ReplaceAll(err.Error(), password, "xxxxx"), err}
		}
	}
	return err
}

// redacted is an error whose text has been changed.
type redacted struct {
	text  string
	cause error
}

func (r *redacted) Error() string { return r.text }

func (r *redacted) Unwrap() error { return r.cause }

// String names the servers. It contains no password.
func (c *config) String() string {
	if c.option.Sentinel.MasterSet != "" {
		return fmt.Sprintf("%s by sentinels %v", c.option.Sentinel.MasterSet, c.option.InitAddress)
	}
	if len(c.option.InitAddress) == 1 {
		return c.option.InitAddress[0]
	}
	return fmt.Sprint(c.option.InitAddress)
}
