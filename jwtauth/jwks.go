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
	retryInterval = 10 * time.Second // between requests for an unknown kid, which a client can invent
)

// errNoKeys is not the fault of the client: its token may be valid.
var errNoKeys = errors.New("the issuer's keys cannot be read")

// remoteKeys are the keys at a URL. One goroutine at a time reads them. It is not the goroutine of a client, so a
// client that disconnects does not interrupt a request that others wait for.
type remoteKeys struct {
	url       *url.URL
	algs      []string
	transport http.RoundTripper
	logger    *slog.Logger
	lines     *throttle.Log
	ctx       context.Context // cancelled by close
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu      sync.Mutex
	keys    keySet
	err     error         // of the last request
	tried   time.Time     // when the last refresh began; zero before the first
	reading chan struct{} // closed when the running refresh ends; nil if there is none
}

// newRemoteKeys reads the keys once and starts reading them periodically.
func newRemoteKeys(ctx context.Context, o Options, lines *throttle.Log) (*remoteKeys, error) {
	u, err := parseJWKSURL(o.JWKSURL)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: read Options.JWKSURL: %w", err)
	}
	p := &remoteKeys{url: u, algs: o.Algorithms, transport: o.Transport, logger: o.Logger, lines: lines}
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

// parseJWKSURL refuses URLs whose answer an attacker on the network could replace.
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

func (p *remoteKeys) keepFresh(every time.Duration) {
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

// close cancels running requests and waits for their end.
func (p *remoteKeys) close() {
	p.mu.Lock()
	p.cancel() // under mu, so that refresh starts nothing afterwards
	p.mu.Unlock()
	p.running.Wait()
}

// find looks for a key. If it is unknown, find reads the keys again.
func (p *remoteKeys) find(ctx context.Context, w keyQuery) (any, error) {
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

// known looks for a key among those that were read. If the last request failed, a key that is not found may still
// exist: the error is errNoKeys.
func (p *remoteKeys) known(w keyQuery) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, err := p.keys.find(w)
	if errors.Is(err, errUnknownKey) && p.err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKeys, p.err)
	}
	return k, err
}

// refresh reads the keys again and returns a channel that is closed when that has ended. It returns nil if the last
// refresh was less than retryInterval ago, so that clients with invented key ids cannot burden the issuer.
func (p *remoteKeys) refresh() <-chan struct{} {
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
		p.store(keys, err)
		close(done)
	})
	return done
}

// store stores the result of a request. If the request failed, the known keys stay.
func (p *remoteKeys) store(keys keySet, err error) {
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

// fetch reads the keys. It closes the connection, because the next request is minutes away.
func (p *remoteKeys) fetch(ctx context.Context) (keySet, error) {
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

// noRedirect refuses redirects: their targets would have to be trusted too.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// parse decodes a JWK Set. Unusable keys are skipped and do not affect the others (RFC 7517 section 5).
func (p *remoteKeys) parse(b []byte) (set keySet, err error) {
	var doc struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := jsonv2.Unmarshal(b, &doc, jsontext.AllowDuplicateNames(true)); err != nil { // parseJWK refuses duplicates in keys
		return nil, fmt.Errorf("parse key set: %w", err)
	}
	if doc.Keys == nil {
		return nil, errors.New(`parse key set: it has no "keys"`)
	}
	for _, raw := range doc.Keys {
		k, err := parseJWK(raw, p.algs)
		if err != nil {
			p.logger.Debug("jwtauth: key skipped", "url", p.url.Redacted(), "reason", err)
			continue
		}
		set = append(set, k)
	}
	return set, nil
}

// parseJWK decodes one key. Private: false makes a secret in the set an error, and takes only the public half of a key
// pair.
func parseJWK(raw []byte, pinned []string) (key, error) {
	raw, err := exactJWK(raw)
	if err != nil {
		return key{}, err
	}
	jwk, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{Private: false}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key{}, err
	}
	meta := jwk.Marshal()
	if meta.USE != "" && meta.USE != jwkset.UseSig || meta.KEYOPS != nil && !slices.Contains(meta.KEYOPS, jwkset.KeyOpsVerify) {
		return key{}, fmt.Errorf("key %q is not for verifying signatures", meta.KID)
	}
	if meta.ALG != "" {
		pinned = slices.DeleteFunc(slices.Clone(pinned), func(alg string) bool { return alg != meta.ALG.String() })
	}
	k, err := newKey(meta.KID, jwk.Key(), pinned)
	if err != nil || len(k.algs) == 0 {
		return key{}, errors.Join(fmt.Errorf("key %q fits no algorithm", meta.KID), err)
	}
	return k, nil
}
