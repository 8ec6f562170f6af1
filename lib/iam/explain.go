package iam

import (
	"fmt"
	"strings"
)

// missingStatement says which statement would have been needed where nothing of a kind
// of policy allowed the request, and how close the nearest statement came.
func (e *evaluation) missingStatement(kind string, list []policy) string {
	var names []string
	for _, p := range list {
		names = append(names, p.name)
	}
	where := "there is no " + kind
	if len(names) > 0 {
		where = fmt.Sprintf("no statement of the %s (%s)", kind, strings.Join(names, ", "))
	}
	verb := " allows "
	if len(names) == 0 {
		verb = " that allows "
	}
	out := where + verb + e.describeRequest() + "; missing: " + e.wantedPolicy(kind)
	if near := e.nearestStatement(list); near != "" {
		out += "; nearest: " + near
	}
	return out
}

// wantedPolicy is the smallest statement that would allow the request.
func (e *evaluation) wantedPolicy(kind string) string {
	principal, resource := "", fmt.Sprintf(`,"Resource":%q`, e.Resource)
	if kind == "resource policy" {
		who := fmt.Sprintf(`{"AWS":%q}`, e.Principal.principalARN())
		if e.Principal.Kind == Service {
			who = fmt.Sprintf(`{"Service":%q}`, e.Principal.ARN)
		}
		principal = `,"Principal":` + who
		if strings.HasPrefix(strings.ToLower(e.Action), "sts:") || strings.HasPrefix(strings.ToLower(e.Action), "ecr:") {
			resource = "" // trust and repository policies take none
		}
	}
	return fmt.Sprintf(`{"Effect":"Allow"%s,"Action":%q%s}`, principal, e.Action, resource)
}

// nearestStatement describes the Allow statement that failed last, if any names the action.
func (e *evaluation) nearestStatement(list []policy) string {
	best, text := 0, ""
	for _, p := range list {
		for _, s := range p.doc.Statements {
			if s.Effect != "Allow" || !s.aboutAction(e.Action) {
				continue
			}
			if rank, why := e.failure(p, s); rank > best {
				best, text = rank, finding{p, s}.String()+" "+why
			}
		}
	}
	return text
}

// failure says why a statement that names the action does not apply, and how
// far the request came.
func (e *evaluation) failure(p policy, s Statement) (int, string) {
	if !e.aboutResource(p, s) {
		if s.hasElement("NotResource") {
			return 1, "excludes the resource"
		}
		return 1, "is only about " + strings.Join(s.Resource, ", ")
	}
	if !s.aboutPrincipal(e.Principal) {
		return 2, "is for other principals"
	}
	c := e.unmetConditions(p, s)
	if c == nil {
		return 0, ""
	}
	has := "no such key"
	if v := e.vars[strings.ToLower(c.Key)]; len(v) > 0 {
		has = strings.Join(v, ", ")
	}
	return 3, fmt.Sprintf("needs %s %s [%s], the request has %s", c.Operator, c.Key, strings.Join(c.Values, ", "), has)
}
