"""The HTTP door: JSON for people, scripts and browsers. One file per resource; :mod:`api.rest.app` joins them."""
