// Package model has a type that is called like one of another package model.
package model

// Order is what is paid.
type Order struct {
	Cents int `json:"cents"`
}
