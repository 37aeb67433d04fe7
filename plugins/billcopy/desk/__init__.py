"""The desk: a web page on which representatives log requests and watch them happen.

A FastAPI application of its own that knows nothing of Airflow: who is signed in and where the
database is are handed to `app.create_app`. Pages are made on the server and work without
JavaScript; `static/desk.js` keeps them up to date and spares a round trip.
"""
