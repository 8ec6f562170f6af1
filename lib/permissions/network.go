package permissions

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"delivery.internal/lib/iam"
)

// traffic is one rule of a security group, for one peer.
type traffic struct {
	group, direction, protocol string
	from, to                   int
	peer                       string
	unknown                    bool
}

// protocols are the names that EC2 has for numbers.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
var protocols = map[string]string{"all": "-1", "tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}

// covers says whether all traffic of another rule is let through.
func (t traffic) covers(small traffic) bool {
	if t.unknown || small.unknown || t.group != small.group || t.direction != small.direction || !peerIncludes(t.peer, small.peer) {
		return false
	}
	if t.protocol == "-1" {
		return true
	}
	if t.protocol != small.protocol {
		return false
	}
	if t.protocol == "1" || t.protocol == "58" { // type and code, -1 for any
		return (t.from == -1 || t.from == small.from) && (t.to == -1 || t.from == small.from && t.to == small.to)
	}
	return t.from <= small.from && small.to <= t.to
}

func peerIncludes(big, small string) bool {
	b, err := netip.ParsePrefix(big)
	s, err2 := netip.ParsePrefix(small)
	if err != nil || err2 != nil {
		return big == small
	}
	return b.Bits() <= s.Bits() && b.Contains(s.Addr())
}

func (t traffic) String() string {
	if t.unknown {
		return fmt.Sprintf("%s: a rule of security group %s is not known before the deployment, so it may let everything through", t.direction, t.group)
	}
	ports := fmt.Sprintf("protocol %s, ports %d to %d", t.protocol, t.from, t.to)
	if t.protocol == "-1" {
		ports = "all traffic"
	}
	if t.direction == "egress" {
		return fmt.Sprintf("security group %s lets its members reach %s: %s", t.group, t.peer, ports)
	}
	return fmt.Sprintf("%s reaches the members of security group %s: %s", t.peer, t.group, ports)
}

// rules reads one rule in any of the provider's spellings.
func rules(group, direction value, inputs map[string]any) []traffic {
	number := func(key string) (int, bool) {
		v := read(inputs, key).or("-1")
		n, err := strconv.Atoi(v.text)
		return n, err == nil && !v.unknown
	}
	protocol := read(inputs, "protocol")
	if protocol.absent {
		protocol = read(inputs, "ipProtocol").or("-1")
	}
	if n, ok := protocols[protocol.text]; ok {
		protocol.text = n
	}
	from, ok := number("fromPort")
	to, ok2 := number("toPort")
	t := traffic{group: group.word(), direction: direction.word(), protocol: protocol.text, from: from, to: to,
		unknown: group.unknown || direction.unknown || protocol.unknown || !ok || !ok2}
	var out []traffic
	for _, peer := range peers(inputs) {
		one := t
		one.peer, one.unknown = peer.word(), t.unknown || peer.unknown
		out = append(out, one)
	}
	return out
}

// peers are whom a rule speaks of. A rule that names nobody is not known.
func peers(inputs map[string]any) []value {
	var out []value
	for _, key := range []string{"cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups"} {
		out = append(out, list(inputs, key)...)
	}
	for _, key := range []string{"cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId", "sourceSecurityGroupId"} {
		if v := read(inputs, key); !v.absent {
			out = append(out, v)
		}
	}
	if self := read(inputs, "self"); self.unknown || self.is("true") {
		out = append(out, value{text: "the group itself", unknown: self.unknown})
	}
	if len(out) == 0 {
		out = append(out, value{unknown: true})
	}
	return out
}

func inlineRules(d *differ) {
	of := func(inputs map[string]any) (out []traffic) {
		for _, direction := range []string{"ingress", "egress"} {
			list, known := objects(inputs, direction)
			if !known {
				out = append(out, traffic{group: d.name(), direction: direction, unknown: true})
			}
			for _, rule := range list {
				out = append(out, rules(value{text: d.name()}, value{text: direction}, rule)...)
			}
		}
		return out
	}
	d.traffic(of(d.Before), of(d.After))
}

// ruleOf compares a rule that is a resource of its own.
func ruleOf(group, direction string) func(*differ) {
	of := func(inputs map[string]any) []traffic {
		if inputs == nil {
			return nil
		}
		if direction == "" {
			return rules(read(inputs, group), read(inputs, "type"), inputs)
		}
		return rules(read(inputs, group), value{text: direction}, inputs)
	}
	return func(d *differ) { d.traffic(of(d.Before), of(d.After)) }
}

func (d *differ) traffic(before, after []traffic) {
	within := func(t traffic, list []traffic) bool {
		return slices.ContainsFunc(list, func(o traffic) bool { return o.covers(t) })
	}
	for _, t := range after {
		if !within(t, before) {
			d.broadens("%s", t)
		}
	}
	if slices.ContainsFunc(before, func(t traffic) bool { return !within(t, after) }) {
		d.note(iam.Narrowed)
	}
}
