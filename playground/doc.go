// Package playground serves a page on which people try a server out: they read its contract, fill in messages, send them
// over one or more connections, and see every frame. One line mounts it:
//
//	mux.Handle("/docs/", playground.Handler(srv, nil))
//
// The page shows what the server's AsyncAPI document says, so it needs no configuration. A program that does not import
// this package does not link the page.
//
// # Security
//
// Whoever may open the page can read the whole contract; [Options.Access] restricts that. The page has no rights of its
// own: it connects as any page of this host does, with the visitor's cookies, and the server checks its messages like all
// others. A token that is typed into the page stays in its memory; it is neither stored nor exported.
//
// The page is embedded and loads nothing from other hosts. Its Content-Security-Policy allows scripts, styles and
// connections of its own host only, and no frame around it. Text that was received is never read as markup.
//
// The sources are in ui; "make page" builds dist from them.
package playground
