// The root module holds the tests of the repository as a whole: versions that
// stand in several files, commands that the documents name. It is not imported.
module delivery.internal

go 1.26

require (
	github.com/stretchr/testify v1.12.1
	golang.org/x/mod v0.35.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
