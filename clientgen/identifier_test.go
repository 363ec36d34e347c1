package clientgen_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/clientgen"
)

func TestNamesBecomeIdentifiers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, ofType, ofEndpoint string }{
		{"Page_Tree", "Page_Tree", "PageTree"},
		{"room", "Room", "Room"},
		{"Room_ws_rooms_room", "Room_ws_rooms_room", "RoomWsRoomsRoom"},
		{"class", "Class", "Class"},
		{"__proto__", "__proto__", "Proto"},
		{"a-b", "A_b", "AB"},
		{"../x", "___x", "X"},
		{"9lives", "_9lives", "_9lives"},
		{"", "_", "Endpoint"},
		{"été", "Été", "Été"},
		{"部屋", "部屋", "部屋"},
		{"a\u202eb", "A_b", "AB"},
		{"\U0001f600", "_", "Endpoint"},
		{"*/", "__", "Endpoint"},
	} {
		if got := clientgen.TypeIdentifier(test.name); got != test.ofType {
			t.Errorf("the type %q is called %q, want %q", test.name, got, test.ofType)
		}
		if got := clientgen.EndpointIdentifier(test.name); got != test.ofEndpoint {
			t.Errorf("the endpoint %q is called %q, want %q", test.name, got, test.ofEndpoint)
		}
	}
}

func TestIdentifiersThatClashGetANumber(t *testing.T) {
	t.Parallel()
	got := clientgen.Take("Order", "Order", "Order_2", "Order", "connectOrder")
	if want := []string{"Order", "Order_2", "Order_2_2", "Order_3", "connectOrder_4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAFileNameStaysInItsFolder(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Chat": "chat", "My Chat, v2": "my-chat-v2", "../../etc/passwd": "etc-passwd", "..": "client", "": "client",
		`C:\windows`: "c-windows", "CON": "con-client", "\x00\n": "client", "Größe": "gr-e", strings.Repeat("ab ", 99): strings.Repeat("ab-", 20)[:59],
	} {
		if got := clientgen.FileStem(title); got != want {
			t.Errorf("%q becomes %q, want %q", title, got, want)
		}
	}
}
