package repo_test

import (
	"go/ast"
	"slices"
	"strings"
)

// unthrottled are the functions that may write to a logger directly, each with the reason.
var unthrottled = map[string]string{
	"internal/throttle/throttle.go Log":  "it is the throttle: here a line of level debug",
	"internal/throttle/throttle.go line": "it is the throttle",
	"logging.go debug":                   "level debug",
	"logging.go logMessage":              "only LogMessages asks for a line for each message",
	"server.go warnUnread":               "once for each type, when a consumer is mounted",
}

// logMethods are the methods of slog.Logger that write a line. Level debug is missing, because its lines are written
// only during a search for a fault.
var logMethods = []string{"Info", "Warn", "Error", "InfoContext", "WarnContext", "ErrorContext", "Log", "LogAttrs"}

var logRule = rule{
	name: "lines of the log are throttled",
	why: "clients, other nodes and handlers in a loop can cause almost any line repeatedly: write it with " +
		"logThrottled or logError, or say in the list of this rule why they cannot",
	check: eachGo(func(f file) (broken []string) {
		if !isLibrary(f) || slices.Contains(f.imports(), "testing") || f.dir() == "internal/nodetest" { // they fail tests
			return nil
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || unthrottled[f.path+" "+fn.Name.Name] != "" {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && logs(call) {
					broken = append(broken, f.at(n)+"this call writes to a logger without a throttle")
				}
				return true
			})
		}
		return broken
	}),
	breaks: []sample{
		{"a.go": `package a; func f() { log.Warn("bad", "error", err) }`},
		{"a.go": `package a; func f() { s.opts.Logger.LogAttrs(ctx, slog.LevelInfo, "bad") }`},
		{"a.go": `package a; func f() { slog.Error("bad") }`},
		{"a.go": `package a; func f() { log.Printf("bad") }`},
		{"logging.go": `package a; func f() { log.Log(ctx, slog.LevelError, "bad") }`},
	},
	keeps: []sample{
		{"a.go": `package a; func f() string { return err.Error() }`},
		{"a.go": `package a; func f() { http.Error(w, "bad", 400) }`},
		{"a.go": `package a; func f() { log.Debug("fine") }`},
		{"a.go": `package a; func f() { s.lines.Log(ctx, slog.LevelError, kind, 1) }`},
		{"a_test.go": `package a; func f() { log.Warn("bad") }`},
		{"logging.go": `package a; func debug() { log.Log(ctx, slog.LevelDebug, text) }`},
	},
}

// logs reports whether a call writes to a logger of package slog or log.
func logs(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	of := ""
	switch x := sel.X.(type) {
	case *ast.Ident:
		of = x.Name
	case *ast.SelectorExpr:
		of = x.Sel.Name
	}
	if of == "log" && strings.HasPrefix(sel.Sel.Name, "Print") {
		return true
	}
	return slices.Contains(logMethods, sel.Sel.Name) && of != "http" && of != "lines"
}
