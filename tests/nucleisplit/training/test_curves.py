from matplotlib.figure import Figure

from nucleisplit.config import RunConfig
from nucleisplit.training import TrainingRun
from nucleisplit.training.curves import draw_curves


def test_losses_and_scores_are_drawn(tmp_path, monkeypatch):
    figures, save = [], Figure.savefig

    def keep(figure, *arguments, **options):
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    log = tmp_path / "fold-0" / "log" / "start-0"
    log.mkdir(parents=True)
    (log / "metrics.csv").write_text(
        "step,train_loss,val_loss,val_map\n19,0.5,,\n39,,0.6,0.25\n39,0.4,,\n"
    )
    path = draw_curves(TrainingRun(tmp_path, (), None, None, 2, "", RunConfig()))
    lines = [ax.lines[0].get_xydata().tolist() for ax in figures[0].axes]
    assert lines == [[[19, 0.5], [39, 0.4]], [[39, 0.6]], [[39, 0.25]]]
    assert path.stat().st_size > 5_000
