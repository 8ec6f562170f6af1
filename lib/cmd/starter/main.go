// Command starter is the Lambda function that starts the pipelines; see
// lib/handlers/starter.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers"
	"delivery.internal/lib/handlers/starter"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	h, err := handler(context.Background(), log)
	if err != nil {
		log.Error("the starter can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}

func handler(ctx context.Context, log *slog.Logger) (*starter.Handler, error) {
	env, err := handlers.Environment(os.LookupEnv, contract.EnvRepository, contract.EnvBranch, contract.EnvPipelineSources)
	if err != nil {
		return nil, err
	}
	sources := map[string]string{}
	if err := json.Unmarshal([]byte(env[contract.EnvPipelineSources]), &sources); err != nil {
		return nil, fmt.Errorf("environment variable %s is not a JSON object of texts (%w): the shared project sets it on the function; deploy it again", contract.EnvPipelineSources, err)
	}
	conf, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return &starter.Handler{
		Sources:    sources,
		Repository: env[contract.EnvRepository],
		Branch:     env[contract.EnvBranch],
		Pipelines:  starter.CodePipeline{Config: conf, Now: time.Now},
		Log:        log,
	}, nil
}
