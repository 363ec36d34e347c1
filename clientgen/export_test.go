package clientgen

// These give tests the parts of what is exported.
var (
	ClientText         = typeScript
	FileStem           = fileStem
	TypeIdentifier     = typeIdentifier
	EndpointIdentifier = endpointIdentifier
)

// Take returns the identifiers for the wanted names, in order.
func Take(wanted ...string) (all []string) {
	s := scope{}
	for _, w := range wanted {
		all = append(all, s.take(w, func(name string) []string { return []string{name, "connect" + name} }))
	}
	return all
}
