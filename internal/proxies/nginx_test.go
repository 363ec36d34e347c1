package proxies_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// nginxMain is the main configuration that includes the block of docs/scaling.md. With master_process off nginx is a single
// process. The paths are relative to the directory given by -p.
const nginxMain = `daemon off;
master_process off;
pid pid;
events {}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	include chat.conf;
}
`

func TestNginxHidesTheReplacementOfNodes(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("nginx is missing: .ci/need nginx installs it")
		}
		t.Skip("NGINX IS MISSING: its configuration in docs/scaling.md is not tested. Debian: apt-get install nginx-light; macOS: brew install nginx.")
	}
	dir := socketDir(t)
	nodes := [2]*node{startNode(t, filepath.Join(dir, "a.sock"), "a1"), startNode(t, filepath.Join(dir, "b.sock"), "b1")}
	c := &crowd{t: t, address: filepath.Join(dir, "proxy.sock"), roots: writeCertificate(t, dir), moved: make(chan struct{}, 1)}
	write(t, filepath.Join(dir, "nginx.conf"), nginxMain)
	write(t, filepath.Join(dir, "chat.conf"), substitute(t, block(t, "nginx"),
		"443 ssl;", "unix:"+c.address+" ssl;",
		"10.0.0.11:8080", "unix:"+nodes[0].path,
		"10.0.0.12:8080", "unix:"+nodes[1].path,
		"/etc/ssl/chat.pem", filepath.Join(dir, "chat.pem"),
		"/etc/ssl/chat.key", filepath.Join(dir, "chat.key"),
	))
	c.ended = startProxy(t, exec.Command(program, "-p", dir, "-c", "nginx.conf", "-e", "stderr"), c.address)
	rollOver(t, c, nodes)
}
