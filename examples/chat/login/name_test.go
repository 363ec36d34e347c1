package login

import (
	"strings"
	"testing"
)

func TestCleanName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
		ok             bool
	}{
		{"plain", "ann", "ann", true},
		{"space around", " \tAnn Lee\u00a0\n", "Ann Lee", true},
		{"longest, in code points", strings.Repeat("ë", 40), strings.Repeat("ë", 40), true},
		{"too long", strings.Repeat("a", 41), "", false},
		{"joined emoji", "👩‍💻", "👩‍💻", true},
		{"empty", "", "", false},
		{"only space", " \u2003 ", "", false},
		{"line break inside", "a\nb", "", false},
		{"turns the text around", "a\u202eb", "", false},
		{"nothing to see", "\u200b\u2800\u3164", "", false},
		{"long when it is folded", strings.Repeat("\ufdfa", 3), "", false},
		{"two alphabets in a word", "Аннa", "", false}, // the last letter is Latin
		{"an alphabet each word", "Анна Smith", "Анна Smith", true},
		{"not UTF-8", "a\xff", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := CleanName(tt.in)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("CleanName(%q) = %q, %v; want %q, %v", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestNamesThatLookTheSameAreOne(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{
			"Ann", "ann", "ANN", "Ann\u200b", "\u2060A\u00adn\ufe0fn", "Ａnn", "𝐀nn", "\u0410nn", "\u0391nn", "A\u034fnn", "Ann\u2800",
			"Ann\U000e0041", "A\u115fnn", "ᴬnn",
		},
		{"Ann Lee", "Ann\u00a0Lee", "Ann  Lee", "ann\u3000\u200blee", "Ann\u2800Lee"},
		{"Zoë", "Zoe\u0308", "Zo\u0451", "ZOË"},
		{"Bill10", "BiII1O", "bi|l1o"},
		{"Анна", "анна", "Анна\ufeff"},
		{"Boris", "\u0412oris"},
		{"Straße", "STRASSE"},
		{"👩‍💻", "👩💻"},
	} {
		for _, name := range same {
			if got, want := Fold(name), Fold(same[0]); got != want || want == "" {
				t.Errorf("Fold(%q) = %q, want %q as of %q", name, got, want, same[0])
			}
			if got := Fold(Fold(name)); got != Fold(name) {
				t.Errorf("Fold(Fold(%q)) = %q, want %q", name, got, Fold(name))
			}
		}
	}
	seen := map[string]string{}
	for _, name := range []string{"Ann", "Anna", "Anne", "Án", "An", "A nn", "Анна", "Вова", "Bova", "李小龍", "Zoe", "Zoë", "Ann!"} {
		if other, found := seen[Fold(name)]; found {
			t.Errorf("%q and %q are one name", name, other)
		}
		seen[Fold(name)] = name
	}
}
