"""Make requests and claims that meet the rules of a route, and such as just miss them."""
