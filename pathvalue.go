package chanx

import (
	"encoding"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// PathValue reads a wildcard of the pattern that a consumer is mounted at, in its open. T is a string, an integer, a float
// or a bool, or a type of one of these kinds, or a type whose pointer is an encoding.TextUnmarshaler, such as a UUID. A
// value that T cannot hold is an error of Refuse with status 404, which open returns as it is: there is no such page. The
// detail that the client is told names the wildcard, but nothing of the value.
//
// It panics if the pattern has no such wildcard, or T is of another kind: both are mistakes of the program. It may be
// called concurrently.
func PathValue[T any](r *http.Request, name string) (T, error) {
	var v T
	text := r.PathValue(name)
	if text == "" && !slices.Contains(wildcards(r.Pattern), name) {
		panic(fmt.Sprintf("chanx: PathValue %q: the pattern %q has no such wildcard: write {%s} in it", name, r.Pattern, name))
	}
	if want := parsePath(text, &v); want != "" {
		var zero T
		return zero, Refuse(http.StatusNotFound, name+" must be "+want)
	}
	return v, nil
}

// parsePath reads text into what ptr points to, or says what it must be.
func parsePath(text string, ptr any) (want string) {
	if own, ok := ptr.(encoding.TextUnmarshaler); ok {
		if own.UnmarshalText([]byte(text)) != nil {
			return "valid" // the error may quote what the client has no business to know
		}
		return ""
	}
	v := reflect.ValueOf(ptr).Elem()
	if v.Type() == reflect.TypeFor[time.Duration]() {
		panic("chanx: PathValue of time.Duration: a number of nanoseconds is no duration to a reader: take a string and parse it")
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return wanted(err, "true or false")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return wanted(err, fmt.Sprintf("a whole number of %d bits", v.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(n)
		return wanted(err, fmt.Sprintf("a whole number from 0 up, of %d bits", v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		x, err := strconv.ParseFloat(text, v.Type().Bits())
		if math.IsNaN(x) || math.IsInf(x, 0) {
			err = strconv.ErrRange
		}
		v.SetFloat(x)
		return wanted(err, "a number")
	default:
		panic(fmt.Sprintf("chanx: PathValue of %s: it is no string, number or bool: give it UnmarshalText with a pointer receiver", v.Type()))
	}
	return ""
}

func wanted(err error, what string) string {
	if err == nil {
		return ""
	}
	return what
}
