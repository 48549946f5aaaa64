import torch

from refine.networks.feature_discriminator import FeatureDiscriminator


def test_it_has_two_hidden_layers() -> None:
    size = sum(weight.numel() for weight in FeatureDiscriminator(10).parameters())
    assert size == (10 * 500 + 500) + (500 * 500 + 500) + (500 + 1)


def test_a_vector_and_a_map_of_it_score_the_same() -> None:
    network, vectors = FeatureDiscriminator(5, features=8), torch.randn(6, 5)
    scores = network(vectors)
    assert scores.shape == (6, 1, 1, 1)
    as_map = vectors.reshape(2, 3, 5).permute(0, 2, 1)[..., None]  # 2 maps of 3x1 places
    assert network(as_map).shape == (2, 1, 3, 1)
    assert torch.allclose(network(as_map).flatten(), scores.flatten(), atol=1e-6)


def test_scores_are_a_perceptron_of_the_vector_without_a_sigmoid() -> None:
    network, vectors = FeatureDiscriminator(5, features=8), torch.randn(6, 5) * 100
    weights = [weight.flatten(1) if weight.ndim == 4 else weight for weight in network.parameters()]
    hidden = torch.relu(vectors @ weights[0].T + weights[1])
    hidden = torch.relu(hidden @ weights[2].T + weights[3])
    assert torch.allclose(network(vectors).flatten(1), hidden @ weights[4].T + weights[5], rtol=1e-4, atol=1e-4)
