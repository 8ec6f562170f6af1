package cloud

// RepositoryType marks a repository on GitHub. It is in the resource table so
// that the settings deployed on it are held to its plan; nobody deploys it.
const RepositoryType = "github:index/repository:Repository"
