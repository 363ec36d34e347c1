// Package model has a type that is called like one of another package model.
package model

// Order is what is bought.
type Order struct {
	Item string `json:"item"`
}
