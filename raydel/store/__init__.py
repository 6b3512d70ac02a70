"""Where sessions and takes are kept. All stores keep the promises of `IStore`."""
