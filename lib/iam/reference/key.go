package reference

import "strings"

// KnownKey says whether a condition key exists: a global one, one of tags, or
// one that the reference lists for an action or a resource of its service.
// Services that the reference does not hold are not judged: ok is false.
func KnownKey(key string) (known, ok bool) {
	service, _, _ := strings.Cut(strings.ToLower(key), ":")
	if service == "aws" {
		return matches(global, key) || matches(fromService, key) || matches(ofTags, key), true
	}
	if service == "sts" && matches(unlisted["sts"], key) {
		return true, true
	}
	s, held := load().Services[service]
	if !held {
		return false, false
	}
	for _, a := range s.Actions {
		if matches(a.Keys, key) {
			return true, true
		}
	}
	for _, r := range s.Resources {
		if matches(r.Keys, key) {
			return true, true
		}
	}
	return matches(unlisted[service], key), true
}
