package schema_test

import (
	"reflect"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type Bound struct {
	Name string `json:"name" validate:"required,min=1"`
	Mail string `json:"mail" binding:"email"`
	Skip string `json:"skip" validate:"-" binding:""`
	None string `json:"-" validate:"required"`
}

func TestRulesForOtherLibrariesAreListedOnce(t *testing.T) {
	type order struct {
		Bound
		Lines []map[string]*Bound `json:"lines" valid:"required"`
		Own   *order              `json:"own"`
		plain int                 `validate:"gt=0"`
	}
	_ = order{}.plain
	bound, owner := reflect.TypeFor[Bound](), reflect.TypeFor[order]()
	equal(t, "rules", compiled[order](t).UnreadRules(), []schema.UnreadRule{
		{bound, "Name", `validate:"required,min=1"`},
		{bound, "Mail", `binding:"email"`},
		{owner, "Lines", `valid:"required"`},
	})
	equal(t, "none", len(compiled[Kinds](t).UnreadRules()), 0)
}
