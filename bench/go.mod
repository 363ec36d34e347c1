module github.com/chanx-go/chanx/bench

go 1.26.0

require (
	github.com/chanx-go/chanx v0.0.0-00010101000000-000000000000
	github.com/gobwas/ws v1.5.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
)

replace github.com/chanx-go/chanx => ..
