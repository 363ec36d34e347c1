package natslayer

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const howToWrite = "write nats://user:password@host:4222, and percent-encode in the user and the password what has a " +
	"meaning in URLs, such as %2F for a slash, %40 for an @ and %2C for a comma"

// checkURL checks the URLs of servers before nats.go does, because the errors of nats.go quote them with their passwords. Its
// own errors quote nothing: in a malformed URL any part may belong to a password.
func checkURL(list string) error {
	if strings.TrimSpace(list) == "" {
		return errors.New("the URL is empty: give one such as nats://localhost:4222")
	}
	named := true // all URLs so far have a user
	for i, text := range strings.Split(list, ",") {
		text = strings.TrimSpace(text)
		bare := !strings.Contains(text, "://")
		if bare {
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		switch {
		case err != nil:
			return fmt.Errorf("URL %d cannot be parsed: %s", i+1, howToWrite)
		case u.Hostname() == "":
			return fmt.Errorf("URL %d has no host: %s", i+1, howToWrite)
		case strings.Contains(u.Path+u.RawQuery+u.Fragment, "@"):
			return fmt.Errorf("URL %d has an @ behind its host: %s", i+1, howToWrite)
		case bare && u.User != nil && !named:
			// A comma in a password may have split one URL into two, of which the first is valid by chance.
			return fmt.Errorf("URL %d has a user but no scheme, behind one that has no user: %s", i+1, howToWrite)
		}
		named = named && u.User != nil
	}
	return nil
}
