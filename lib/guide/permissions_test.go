package guide

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
)

func TestThePageOnPermissionsListsEveryRoleAndNoOther(t *testing.T) {
	t.Parallel()
	role := regexp.MustCompile("^`([a-z-]+-role)-(?:shared|ENV)`")
	var listed, exist []string
	for _, row := range rows(section(read(t, filepath.Join(root, "docs", "least-privilege.md")), "Who may do what")) {
		m := role.FindStringSubmatch(row[0])
		require.NotNil(t, m, "%s is not the name of a role: expected for instance `pipeline-role-ENV`", row[0])
		listed = append(listed, m[1])
	}
	for _, k := range naming.Kinds() {
		if strings.HasSuffix(k.Prefix, "-role") {
			exist = append(exist, k.Prefix)
		}
	}
	require.ElementsMatch(t, exist, listed)
}
