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

// DefaultPrefix is the prefix of channels when [Options] names none.
const DefaultPrefix = "chanx"

// maxRedirections is how often a publication follows a slot that has moved before its error counts.
const maxRedirections = 8

// ringScale is the logarithm of how many calls of rueidis have room on a connection, each with any number of commands. There
// are never more than its user's, a ping of rueidis and one as it closes.
const ringScale = 4

// answerTime is how long Redis may leave a ping without an answer, and how long a write may hang. A connection that has been
// idle for a second is pinged, so a silent server counts as lost after 6 to 7 s.
const answerTime = 5 * time.Second

// Options are the settings of [Connect]. The zero value, and nil, are for production.
type Options struct {
	// Prefix begins the name of every channel, before a colon; the default is [DefaultPrefix]. Layers with different prefixes
	// do not hear each other, unless one prefix is another one with a colon and more behind it. In a cluster a prefix with
	// a hash tag ("{app}") puts everything on one shard.
	Prefix string

	// Classic has a cluster use PUBLISH and SUBSCRIBE as a single server does, in place of SPUBLISH and SSUBSCRIBE. It is
	// for clusters older than Redis 7. Every publication then travels to every node of the cluster, and what the nodes
	// lose among themselves is not told by a gap.
	Classic bool

	// TLS is for a URL that begins with rediss://; nil means the machine's certificate authorities, TLS 1.2 or later, and
	// certificates for the host in the URL, whichever node is dialled. With a value of your own that has no ServerName, each
	// node's certificate must be for its own address.
	TLS *tls.Config

	// StartWithoutBroker lets Connect succeed although no broker can be reached; the layer is down until one can.
	StartWithoutBroker bool

	// Configure may change what else rueidis can do, after the URL and TLS have been applied: other credentials for
	// sentinels, credentials that change, time-outs, a dialer. A server that is silent is noticed after Dialer.KeepAlive (1 s) and
	// ConnWriteTimeout (5 s). It is called once. What would break the promises of the layer is
	// overwritten: retries, replicas, several connections for publications, connections of limited life.
	Configure func(*rueidis.ClientOption)
}

// config is what links connect with.
type config struct {
	option  rueidis.ClientOption
	prefix  string
	classic bool
}

var schemes = []string{"redis", "rediss", "valkey", "valkeys", "unix"}

const escape = ", and escape what has a meaning in URLs, such as %2F for a slash in the password"

// newConfig reads the URL and the options. Its errors quote nothing of the URL: what a slip of the pen makes of it may be the
// password.
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
		return nil, errors.New("its database, a time-out or a flag is not valid; write redis://host:port/0?dial_timeout=5s" + escape)
	}
	if o.TLS != nil {
		if option.TLSConfig == nil {
			return nil, errors.New("Options.TLS is set, but it does not begin with rediss://")
		}
		option.TLSConfig = o.TLS.Clone()
	}
	if option.ConnWriteTimeout == 0 {
		option.ConnWriteTimeout = answerTime
	}
	option.Sentinel.TLSConfig, option.Sentinel.Dialer = option.TLSConfig, option.Dialer
	if o.Configure != nil {
		o.Configure(&option)
	}
	keepPromises(&option)
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	return &config{option: option, prefix: o.Prefix, classic: o.Classic}, nil
}

// keepPromises overwrites what would break those of the layer.
func keepPromises(o *rueidis.ClientOption) {
	o.DisableRetry = true    // a publication that may have been executed is not repeated
	o.PipelineMultiplex = -1 // publications that overtake each other on two connections
	o.ConnLifetime = 0
	o.BlockingPipeline = -1 // or one takes another connection if it is long
	o.DisableAutoPipelining, o.AlwaysPipelining = false, true
	o.RingScaleEachConn = ringScale
	o.DisableCache = true // nothing is cached
	o.SendToReplicas, o.ReplicaOnly = nil, false
	o.Standalone = rueidis.StandaloneOption{}
	if o.Sentinel.Dialer.Timeout == 0 {
		o.Sentinel.Dialer.Timeout = rueidis.DefaultDialTimeout // rueidis has it for the servers only
	}
	if o.ClusterOption.MaxMovedRedirections == 0 {
		o.ClusterOption.MaxMovedRedirections = maxRedirections
	}
}

// hide takes a password out of an error: Redis quotes the arguments of a command that it does not know.
func (c *config) hide(err error) error {
	for _, password := range []string{c.option.Password, c.option.Sentinel.Password} {
		if err != nil && password != "" && strings.Contains(err.Error(), password) {
			err = &hidden{strings.ReplaceAll(err.Error(), password, "xxxxx"), err}
		}
	}
	return err
}

// hidden is an error with another text.
type hidden struct {
	text  string
	cause error
}

func (h *hidden) Error() string { return h.text }

func (h *hidden) Unwrap() error { return h.cause }

// String names the servers, and never a password.
func (c *config) String() string {
	if c.option.Sentinel.MasterSet != "" {
		return fmt.Sprintf("%s by sentinels %v", c.option.Sentinel.MasterSet, c.option.InitAddress)
	}
	if len(c.option.InitAddress) == 1 {
		return c.option.InitAddress[0]
	}
	return fmt.Sprint(c.option.InitAddress)
}
