module github.com/chanx-go/chanx/jwtauth

go 1.26.0

require (
	github.com/MicahParks/jwkset v0.11.4
	github.com/chanx-go/chanx v0.0.0-00010101000000-000000000000
	github.com/go-json-experiment/json v1.27.2
	github.com/golang-jwt/jwt/v5 v5.3.1
	go.uber.org/goleak v1.3.0
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/ws v1.5.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/chanx-go/chanx => ..
