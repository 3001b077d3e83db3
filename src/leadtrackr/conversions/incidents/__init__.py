"""What is wrong with a connection, from when until when: opened once, recovered once, whoever sees it first."""
