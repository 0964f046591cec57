package catalog

import (
	"fmt"
	"slices"
)

// smException is a row of sm-exceptions.csv: a capability that lies between the
// bounds of releases that do not serve it.
type smException struct {
	absentUntil, servedFrom, servedTo Version // the zero Version: not known, or still served
	why, source                       string
}

var smExceptions = embedded("sm-exceptions.csv", parseSMExceptions)

func parseSMExceptions(name string, text []byte) (map[string]smException, error) {
	body, err := readRows(name, text, "sm", "absent_until", "served_from", "served_to", "why", "source")
	if err != nil {
		return nil, err
	}
	table := make(map[string]smException, len(body))
	for _, r := range body {
		sm := r.needed("sm")
		if r.capability("sm"); table[sm].source != "" {
			r.wrong("sm", "stands in a row above, too")
		}
		e := smException{servedFrom: r.release("served_from"), why: r.needed("why"), source: r.needed("source")}
		if r.text("absent_until") != "" {
			e.absentUntil = r.release("absent_until")
		}
		if r.text("served_to") != "" {
			e.servedTo = r.release("served_to")
		}
		if e.absentUntil.Compare(e.servedFrom) >= 0 {
			r.wrong("absent_until", "want an older release than served_from")
		}
		if e.servedTo != (Version{}) && e.servedTo.Compare(e.servedFrom) < 0 {
			r.wrong("served_to", "want a release no older than served_from")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		table[sm] = e
	}
	return table, nil
}

// Serves says whether TensorRT v builds and runs engines on GPUs of a compute
// capability such as "7.5". Its Why ends a sentence such as "T4 is compute
// capability 7.5, and ...".
func Serves(v Version, sm string) Answer {
	if v == (Version{}) {
		return Answer{Uncertain, "which TensorRT it is nobody knows", ""}
	}
	have, ok := Capability(sm)
	if !ok {
		return Answer{Uncertain, "that is no compute capability", ""}
	}
	t, name := smTables(), fmt.Sprintf("TensorRT %d.%d", v.Major, v.Minor)
	unheard := Answer{Uncertain, name + " is newer than what the catalogue knows", ""}
	if e, ok := smExceptions()[sm]; ok {
		if a := e.answer(v, name); a.Verdict != Can || !newer(t.releases, v) {
			return a
		}
		return unheard
	}
	least := t.bounds(v, func(r SMRange) string { return r.Min })
	most := t.bounds(v, func(r SMRange) string { return r.Max })
	switch {
	case have < least.lo:
		return Answer{Cannot, fmt.Sprintf("%s begins at %s", name, plain(least.lo)), least.loSource}
	case most.hi > 0 && have > most.hi:
		return Answer{Cannot, fmt.Sprintf("%s ends at %s", name, atMost(most)), most.source}
	case newer(t.releases, v):
		return unheard
	case least.lo == 0 && most.lo == 0:
		return Answer{Uncertain, name + " is older than what the catalogue knows", ""}
	case least.hi == 0 || have < least.hi:
		return Answer{Uncertain, name + " may begin above it: that was not read", least.source}
	case have > most.lo:
		return Answer{Uncertain, name + " may end below it: that was not read", most.loSource}
	}
	return Answer{Can, fmt.Sprintf("%s serves %s to %s", name, plain(least.hi), plain(most.lo)), most.loSource}
}

func (e smException) answer(v Version, name string) Answer {
	is := func(o Version) int {
		return Version{v.Major, v.Minor, -1, -1}.Compare(Version{o.Major, o.Minor, -1, -1})
	}
	switch {
	case e.servedTo != (Version{}) && is(e.servedTo) > 0:
		return Answer{Cannot, fmt.Sprintf("%s is too new for it: that is %s", name, e.why), e.source}
	case is(e.servedFrom) >= 0:
		return Answer{Can, fmt.Sprintf("%s serves it: that is %s", name, e.why), e.source}
	case is(e.absentUntil) <= 0:
		return Answer{Cannot, fmt.Sprintf("%s is too old for it: TensorRT %s is the first known to serve it", name, e.servedFrom), e.source}
	}
	return Answer{Uncertain, fmt.Sprintf("whether %s serves it was not read: TensorRT %s does", name, e.servedFrom), e.source}
}

// newer reports whether v is of a later minor than the newest release known.
func newer(releases []Version, v Version) bool {
	last := releases[len(releases)-1]
	return slices.Compare([]int{v.Major, v.Minor}, []int{last.Major, last.Minor}) > 0
}

func atMost(b bound) string {
	if b.lo == b.hi {
		return plain(b.hi)
	}
	return plain(b.hi) + " at most"
}

// plain writes ten times a compute capability as that capability: 86 is "8.6".
func plain(n int) string { return fmt.Sprintf("%d.%d", n/10, n%10) }
