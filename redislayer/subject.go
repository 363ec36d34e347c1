package redislayer

import "strings"

// channelPrefix is what the name of a channel begins with; the subject follows as it is, for names of channels are any bytes.
// In a cluster the name is hashed to find its shard, or only what stands in its first braces: the empty ones keep braces in
// subjects from that, unless the application's prefix has some.
func channelPrefix(prefix string, sharded bool) string {
	if sharded {
		return prefix + ":{}"
	}
	return prefix + ":"
}

func (a *attachment) channel(subject string) string { return a.prefix + subject }

func (a *attachment) subject(channel string) (string, bool) {
	return strings.CutPrefix(channel, a.prefix)
}
