package redislayer

import "strings"

// channelPrefix is the beginning of a channel's name. The subject follows unchanged, because channel names may have any bytes.
// A cluster hashes the name to find its shard, or only the text in its first braces. The empty braces prevent that
// for braces in subjects, unless the application's prefix has braces.
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
