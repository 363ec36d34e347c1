package proxies_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// host is the name that docs/scaling.md gives the site.
const host = "chat.example.com"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// block returns the only code block of a language in docs/scaling.md.
func block(t *testing.T, language string) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), "\n```"+language+"\n")
	if len(parts) != 2 {
		t.Fatalf("docs/scaling.md has %d blocks of %s, want 1", len(parts)-1, language)
	}
	text, _, found := strings.Cut(parts[1], "\n```\n")
	if !found {
		t.Fatalf("docs/scaling.md: the block of %s does not end", language)
	}
	return text + "\n"
}

// substitute replaces pairs of texts. Each text must occur exactly once.
func substitute(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if n := strings.Count(text, pairs[i]); n != 1 {
			t.Fatalf("the configuration has %q %d times, want once:\n%s", pairs[i], n, text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// socketDir makes a directory with a short path, because the length of socket paths is limited.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeCertificate writes chat.pem and chat.key for host, and returns a pool with the certificate.
func writeCertificate(t *testing.T, dir string) (roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	write(t, filepath.Join(dir, "chat.pem"), string(public))
	write(t, filepath.Join(dir, "chat.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(public)
	return roots
}

// startProxy starts a proxy, and returns when it listens on the socket at path. The proxy is stopped at the end of the test.
// The channel is closed when it has ended.
func startProxy(t *testing.T, cmd *exec.Cmd, path string) (ended <-chan struct{}) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var failure error
	go func() {
		defer close(done)
		failure = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		<-done
		if failure != nil {
			t.Errorf("%s: %v", cmd.Path, failure)
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", cmd.Path, &log)
		}
	})
	for late := time.After(testTimeout); ; {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
			return done
		}
		select {
		case <-time.After(time.Millisecond): // between two attempts
		case <-done:
			t.Fatal("the proxy has ended")
		case <-late:
			t.Fatalf("the proxy does not listen: %v", err)
		}
	}
}
