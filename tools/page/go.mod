// The program that builds the page of package playground. It is a module of its own, so that what it needs never reaches
// the modules that users import.
module github.com/chanx-go/chanx/tools/page

go 1.26.0

require github.com/evanw/esbuild v0.28.2

require golang.org/x/sys v0.50.0 // indirect
