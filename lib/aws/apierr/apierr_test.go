package apierr_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/apierr"
)

func TestAnErrorKeepsItsCodeUnderWhatIsAround(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("reading: %w", apierr.BadRequest("NotFoundException", "key %s does not exist", "k"))
	require.EqualError(t, err, "reading: NotFoundException: key k does not exist")
	require.Equal(t, "NotFoundException", apierr.CodeOf(err))
	require.Empty(t, apierr.CodeOf(errors.New("NotFoundException: only text")))
}

func TestADenialIsInTheServicesWords(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]*apierr.Error{
		"s3":  {Status: http.StatusForbidden, Code: "AccessDenied", Message: "r may not"},
		"sts": {Status: http.StatusForbidden, Code: "AccessDenied", Message: "r may not"},
		"sns": {Status: http.StatusForbidden, Code: "AccessDenied", Message: "r may not"},
		"kms": {Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "r may not"},
	} {
		require.Equal(t, want, apierr.Denied(service, "AccessDenied: r may not"))
	}
}

func TestAnExpiredTokenIsInTheServicesWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ExpiredToken", apierr.Expired("sns").Code)
	require.Equal(t, "ExpiredTokenException", apierr.Expired("ssm").Code)
}
