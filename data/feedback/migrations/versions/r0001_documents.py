"""Documents, their units and the corrections of them."""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "documents",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_documents"),
    )
    _create_units()
    _create_corrections()


def downgrade() -> None:
    """Drop the tables, unless somebody's word is in them."""
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM corrections")):
        raise CommandError("people's corrections are kept here, and would be lost")
    for table in ("corrections", "units", "documents"):
        op.drop_table(table)


def _create_units() -> None:
    op.create_table(
        "units",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("start", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("end", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer()),
        sa.Column("heading", sa.Boolean(), nullable=False),
        sa.Column("predicted_role", sa.Text(), nullable=False),
        sa.Column("predicted_topics", sa.JSON(), nullable=False),
        sa.Column("role_scores", sa.JSON(), nullable=False),
        sa.Column("topic_scores", sa.JSON(), nullable=False),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("margin", sa.Float(), nullable=False),
        sa.Column("page", sa.Integer()),
        sa.Column("paragraph", sa.Integer()),
        sa.Column("table", sa.JSON()),
        sa.Column("furniture", sa.Boolean(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("user", sa.Text()),
        sa.Column("time", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("sha256", "start", "end", name="pk_units"),
        sa.ForeignKeyConstraint(["sha256"], ["documents.sha256"], name="fk_units_documents"),
    )
    op.create_index("ix_units_revision_margin", "units", ["revision", "margin"])


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("old_role", sa.Text(), nullable=False),
        sa.Column("old_topics", sa.JSON(), nullable=False),
        sa.Column("new_role", sa.Text(), nullable=False),
        sa.Column("new_topics", sa.JSON(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
        sa.ForeignKeyConstraint(
            ["sha256", "start", "end"], ["units.sha256", "units.start", "units.end"], name="fk_corrections_units"
        ),
        sa.UniqueConstraint("sha256", "start", "end", "revision", name="uq_corrections_sha256_start_end_revision"),
    )
