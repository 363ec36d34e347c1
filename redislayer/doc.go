// Package redislayer is a channel layer over Redis.
package redislayer
