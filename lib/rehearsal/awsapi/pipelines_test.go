package awsapi

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/apierr"
)

// refusing is a backend that starts no build.
type refusing struct {
	Backend
	err error
}

func (r refusing) StartBuild(context.Context, string, string) (Build, error) { return Build{}, r.err }

func TestErrorsOfTheBackendKeepTheirCode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		code string
	}{
		"coded":   {apierr.BadRequest("AccountLimitExceededException", "too many builds"), "AccountLimitExceededException"},
		"uncoded": {errors.New("broken"), "InternalFailure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchWith(t, refusing{err: tt.err})
			_, err := codebuild.NewFromConfig(b.config(b.cloud.Operator(account)), func(o *codebuild.Options) { o.RetryMaxAttempts = 1 }).
				StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("p")})
			require.Equal(t, tt.code, code(t, err))
		})
	}
}
