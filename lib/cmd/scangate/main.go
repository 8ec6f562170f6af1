// Command scangate is the Lambda function that approves build images; see
// lib/handlers/scangate.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers"
	"delivery.internal/lib/handlers/scangate"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	h, err := handler(context.Background(), log)
	if err != nil {
		log.Error("the scan gate can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}

func handler(ctx context.Context, log *slog.Logger) (*scangate.Handler, error) {
	env, err := handlers.Environment(os.LookupEnv, contract.EnvImageRepository, contract.EnvParameter,
		contract.EnvVerdict, contract.EnvAccepted, contract.EnvBlockSeverity)
	if err != nil {
		return nil, err
	}
	block, err := scangate.ParseSeverity(env[contract.EnvBlockSeverity])
	if err != nil {
		return nil, err
	}
	conf, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	repository := env[contract.EnvImageRepository]
	return &scangate.Handler{
		Repository: repository,
		Block:      block,
		Registry:   scangate.Repository{API: ecr.NewFromConfig(conf), Name: repository},
		Records: scangate.Parameters{API: ssm.NewFromConfig(conf), AcceptedFindings: env[contract.EnvAccepted],
			ApprovedImage: env[contract.EnvParameter], Verdict: env[contract.EnvVerdict]},
		Now: time.Now,
		Log: log,
	}, nil
}
