package chanx_test

// mistake is a mistake of a program, and the texts that its panic must contain: the type, the place and the remedy.
type mistake struct {
	name string
	do   func()
	says []string
}

// panicOf returns the text of f's panic, or "" if there is none.
func panicOf(f func()) (text string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case error:
			text = v.Error()
		case string:
			text = v
		}
	}()
	f()
	return ""
}
