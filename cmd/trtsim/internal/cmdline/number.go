package cmdline

import (
	"errors"
	"math"
	"regexp"
	"strconv"
)

var (
	integerPrefix = regexp.MustCompile(`^[ \t\n\v\f\r]*[+-]?[0-9]+`)
	realPrefix    = regexp.MustCompile(`^[ \t\n\v\f\r]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?`)
)

// integer reads a number as C++'s std::stoi does: a numeric prefix is enough,
// and the only complaint is the function's name.
func integer(s string) (int, error) {
	m := trimSpace(integerPrefix.FindString(s))
	n, err := strconv.ParseInt(m, 10, 64)
	if err != nil || n > math.MaxInt32 || n < math.MinInt32 {
		return 0, errors.New("stoi")
	}
	return int(n), nil
}

// real reads a number as std::stof and std::stod do; fn is the name to complain
// with.
func real(s, fn string) (float64, error) {
	f, err := strconv.ParseFloat(trimSpace(realPrefix.FindString(s)), 64)
	if err != nil {
		return 0, errors.New(fn)
	}
	return f, nil
}

func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] >= '\t' && s[0] <= '\r') {
		s = s[1:]
	}
	if s != "" && s[0] == '+' {
		s = s[1:]
	}
	return s
}
