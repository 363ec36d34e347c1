package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chanx-go/chanx/internal/throttle"
)

const (
	fetchTimeout  = 5 * time.Second // below Limits.OpenTimeout, so that an opening can wait for it
	maxJWKSBytes  = 256 << 10
	retryInterval = 10 * time.Second // between readings for an unknown kid, which anybody can make up
)

// errNoKeys is not the client's fault: its token may be good.
var errNoKeys = errors.New("the issuer's keys cannot be read")

// published are the keys at a URL. They are read in a goroutine of their own, so that no client that goes away stops what
// others wait for, and by one at a time.
type published struct {
	url       *url.URL
	algs      []string
	transport http.RoundTripper
	logger    *slog.Logger
	lines     *throttle.Log
	ctx       context.Context // ends with close
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu      sync.Mutex
	keys    keySet
	err     error         // of the last reading
	tried   time.Time     // when it began; zero before the first that a request or the clock asked for
	reading chan struct{} // closed when it has ended; nil if none is running
}

// newPublished reads the keys once, and then again and again.
func newPublished(ctx context.Context, o Options, lines *throttle.Log) (*published, error) {
	u, err := parseJWKSURL(o.JWKSURL)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: read Options.JWKSURL: %w", err)
	}
	p := &published{url: u, algs: o.Algorithms, transport: o.Transport, logger: o.Logger, lines: lines}
	if p.keys, err = p.fetch(ctx); err == nil && len(p.keys) == 0 {
		err = fmt.Errorf("none of its keys fits the algorithms %q", o.Algorithms)
	}
	if err != nil {
		return nil, fmt.Errorf("jwtauth: read keys of %s: %w", u.Redacted(), err)
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if o.JWKSRefresh > 0 {
		p.running.Go(func() { p.keepFresh(o.JWKSRefresh) })
	}
	return p, nil
}

// parseJWKSURL refuses what somebody on the way could answer in the issuer's place.
func parseJWKSURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q names no host: want https://…", u.Redacted())
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, fmt.Errorf("%q is not safe from tampering: want https://…, or http:// on a loopback address", u.Redacted())
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (p *published) keepFresh(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.refresh()
		case <-p.ctx.Done():
			return
		}
	}
}

// close ends all readings and waits for that.
func (p *published) close() {
	p.mu.Lock()
	p.cancel() // under mu, so that refresh starts nothing afterwards
	p.mu.Unlock()
	p.running.Wait()
}

// find looks for a key, and reads the set again if it has none.
func (p *published) find(ctx context.Context, w wanted) (any, error) {
	k, err := p.known(w)
	if err == nil || errors.Is(err, errAmbiguousKey) {
		return k, err
	}
	if done := p.refresh(); done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errNoKeys, ctx.Err())
		}
	}
	return p.known(w)
}

// known looks for a key in what was read. A set that could not be read may have the key.
func (p *published) known(w wanted) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, err := p.keys.find(w)
	if errors.Is(err, errUnknownKey) && p.err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKeys, p.err)
	}
	return k, err
}

// refresh reads the set again, and returns a channel that is closed when that has ended. It is nil if the last reading
// was a moment ago: another would burden the issuer for whoever makes up key ids.
func (p *published) refresh() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading != nil {
		return p.reading
	}
	if p.ctx.Err() != nil || time.Since(p.tried) < retryInterval {
		return nil
	}
	done := make(chan struct{})
	p.reading, p.tried = done, time.Now()
	p.running.Go(func() {
		keys, err := p.fetch(p.ctx)
		p.keep(keys, err)
		close(done)
	})
	return done
}

// keep takes the outcome of a reading. What was known stays if it failed.
func (p *published) keep(keys keySet, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading, p.err = nil, err
	if err == nil {
		p.keys = keys
	} else if p.ctx.Err() == nil {
		kind := throttle.Kind{Text: "jwtauth: keys cannot be read"}
		p.lines.Log(p.ctx, slog.LevelWarn, kind, 1, "url", p.url.Redacted(), "error", err)
	}
}

// fetch reads the set. The connection is not kept: the next reading is minutes away.
func (p *published) fetch(ctx context.Context) (keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	r.Close = true
	res, err := (&http.Client{Transport: p.transport, CheckRedirect: noRedirect}).Do(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxJWKSBytes+1))
	err = errors.Join(err, res.Body.Close())
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answered with status %d", res.StatusCode)
	case len(b) > maxJWKSBytes:
		return nil, fmt.Errorf("it answered with more than %d bytes", maxJWKSBytes)
	}
	return p.parse(b)
}

// noRedirect: another address would have to be trusted like the first.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// parse reads a JWK Set. A key that is not for us does not spoil the others (RFC 7517 section 5).
func (p *published) parse(b []byte) (set keySet, err error) {
	var doc struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := jsonv2.Unmarshal(b, &doc, jsontext.AllowDuplicateNames(true)); err != nil { // of keys, each is asked for itself
		return nil, fmt.Errorf("parse key set: %w", err)
	}
	if doc.Keys == nil {
		return nil, errors.New(`parse key set: it has no "keys"`)
	}
	for _, raw := range doc.Keys {
		k, err := parseJWK(raw, p.algs)
		if err != nil {
			p.logger.Debug("jwtauth: key passed over", "url", p.url.Redacted(), "reason", err)
			continue
		}
		set = append(set, k)
	}
	return set, nil
}

// parseJWK reads one key. Private is off: a secret in a set is an error, and of a key pair only the public half is taken.
func parseJWK(raw []byte, pinned []string) (key, error) {
	raw, err := exactJWK(raw)
	if err != nil {
		return key{}, err
	}
	jwk, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{Private: false}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key{}, err
	}
	says := jwk.Marshal()
	if says.USE != "" && says.USE != jwkset.UseSig || says.KEYOPS != nil && !slices.Contains(says.KEYOPS, jwkset.KeyOpsVerify) {
		return key{}, fmt.Errorf("key %q is not for verifying signatures", says.KID)
	}
	if says.ALG != "" {
		pinned = slices.DeleteFunc(slices.Clone(pinned), func(alg string) bool { return alg != says.ALG.String() })
	}
	k, err := newKey(says.KID, jwk.Key(), pinned)
	if err != nil || len(k.algs) == 0 {
		return key{}, errors.Join(fmt.Errorf("key %q fits no algorithm", says.KID), err)
	}
	return k, nil
}
