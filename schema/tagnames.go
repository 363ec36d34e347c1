package schema

import (
	"slices"
	"strings"
)

// misspelledTag returns how to fix a tag whose name is close to one of this package's tags, or "".
func misspelledTag(key string) (fix string) {
	names := slices.Clone(otherTags)
	for _, c := range constraints {
		names = append(names, c.tag)
	}
	if meant := nearest(key, names); meant != "" && !slices.Contains(foreignKeys, key) {
		return "it is not known: did you mean " + meant + "?"
	}
	return ""
}

// foreignConstraint returns what to write in place of another library's constraint, or "" if key is not one.
func foreignConstraint(key string) (fix string) {
	for _, w := range foreignConstraints {
		if slices.Contains(strings.Fields(w.keys), folded(key)) {
			return "it is not known: " + w.fix
		}
	}
	return ""
}

// foreignKeys are tags of other packages whose names are close to one of this package's.
var foreignKeys = []string{"form", "json5", "jsonb", "jsonc", "jsonl", "jsonp"}

// foreignConstraints are constraints of other libraries, in lower case without _ and -.
var foreignConstraints = []struct{ keys, fix string }{
	{"required notnull notnil nonnull", "a field is required unless it is a pointer, has a default, or is omitempty or omitzero: remove the tag"},
	{"optional nullable omitempty omitzero omitnil", "to make a field optional, make it a pointer, give it a default, or write omitempty or omitzero in its json tag"},
	{"min minimal minvalue minval gte ge", "did you mean minimum, minLength, minItems or minProperties?"},
	{"max maximal maxvalue maxval lte le", "did you mean maximum, maxLength, maxItems or maxProperties?"},
	{"gt", "did you mean exclusiveMinimum, minLength or minItems?"},
	{"lt", "did you mean exclusiveMaximum, maxLength or maxItems?"},
	{"minlen", "did you mean minLength?"},
	{"maxlen", "did you mean maxLength?"},
	{"minsize mincount", "did you mean minLength, minItems or minProperties?"},
	{"maxsize maxcount", "did you mean maxLength, maxItems or maxProperties?"},
	{"len length", "write minLength and maxLength, or minItems and maxItems"},
	{"range between", "write minimum and maximum, or minLength and maxLength"},
	{"notempty nonempty notblank nonzero notzero", `write minLength:"1", minItems:"1" or minimum:"1"`},
	{"oneof choices allowed allowedvalues", "did you mean enum? Its values are separated by commas"},
	{"const eq equals", "write enum with one value"},
	{"regex regexp rx match matches startswith endswith contains alpha alphanum alphanumeric numeric ascii lowercase uppercase", "did you mean pattern?"},
	{"email uuid4 datetime ip ipaddr fqdn", "did you mean format?"},
	{"unique distinct", `did you mean uniqueItems:"true"?`},
	{"dive", "elements are checked by themselves: remove it, and put their constraints on the field"},
	{
		"ne excludes notcontains isdefault dependentrequired requiredif requiredunless requiredwith requiredwithall requiredwithout requiredwithoutall " +
			"excludedif excludedunless excludedwith excludedwithout eqfield nefield gtfield gtefield ltfield ltefield",
		"check it in a method Validate() error of the type",
	},
}

// nearest returns the name of which key is a misspelling, or "": they differ only in case, in _ and -, or in one letter
// (two letters in names of six or more).
func nearest(key string, names []string) (meant string) {
	best := 3
	for _, name := range names {
		if d := misspelling(folded(key), folded(name)); d < best {
			meant, best = name, d
		}
	}
	return meant
}

// folded removes differences of case and of word separators.
func folded(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

// misspelling returns in how many letters key differs from name, or 3 if key is probably another word. Short names are
// close to many words (json and bson, doc and dom), so they must have the same first letter, or the same letters in
// another order.
func misspelling(key, name string) int {
	const other = 3
	d := distance(key, name)
	sameStart := key != "" && key[0] == name[0]
	switch {
	case d == 0:
		return 0
	case len(name) <= 3:
		if d == 1 && sameStart && len(key) > len(name) {
			return d
		}
		return other
	case len(name) <= 5:
		if d == 1 && sameStart || d <= 2 && haveSameLetters(key, name) {
			return d
		}
		return other
	case d == 1 || d == 2 && sameStart:
		return d
	}
	return other
}

func haveSameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return string(x) == string(y)
}

// distance counts the letters to insert, delete, replace or swap with a neighbour to turn a into b (optimal string
// alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
