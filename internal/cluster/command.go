package cluster

import (
	"encoding/json"
	"fmt"
)

// Command is what a publication of the kind close, join or leave asks for. It is its payload.
type Command struct {
	Code   int    // of a close
	Reason string // of a close
	Groups []string
}

// closing is the payload of a close. A later release may add members, which this one ignores.
type closing struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// SetCommand encodes the payload of a command.
func (p *Publication) SetCommand(c *Command) (err error) {
	if p.Kind == KindClose {
		p.Payload, err = json.Marshal(closing{c.Code, c.Reason})
	} else {
		p.Payload, err = json.Marshal(c.Groups)
	}
	if err != nil {
		return fmt.Errorf("chanx: %s: %w", p.Kind, err)
	}
	return nil
}

// Command decodes the payload of a command.
func (p *Publication) Command() (*Command, error) {
	var c Command
	var err error
	if p.Kind == KindClose {
		var v closing
		err = json.Unmarshal(p.Payload, &v)
		c.Code, c.Reason = v.Code, v.Reason
	} else {
		err = json.Unmarshal(p.Payload, &c.Groups)
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}
