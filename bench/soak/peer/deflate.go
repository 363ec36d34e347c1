//go:build linux

package peer

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
)

// tail is what RFC 7692, section 7.2.1, cuts off.
const tail = "\x00\x00\xff\xff"

// deflate compresses a message, without what came before it.
func deflate(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte(tail)), nil
}

// inflate undoes it. An empty final block ends the stream.
func inflate(p []byte) ([]byte, error) {
	r := flate.NewReader(io.MultiReader(bytes.NewReader(p), bytes.NewReader([]byte(tail+"\x01\x00\x00\xff\xff"))))
	text, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("peer: inflate a message: %w", err)
	}
	if len(text) > maxMessage {
		return nil, fmt.Errorf("peer: a message inflates to more than %d bytes", maxMessage)
	}
	return text, nil
}
